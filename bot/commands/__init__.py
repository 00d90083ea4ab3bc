"""The groups of `linli …`; the commands without a group stand in bot/cli.py."""
