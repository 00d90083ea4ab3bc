"""Conversation flows: words in, a decision, words out; no platform, no SQL."""
