"""Conversation flows: words in, a decision, words out. No platform, no SQL."""
