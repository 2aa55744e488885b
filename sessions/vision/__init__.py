"""What the bot sees: when to look, what may be shown, and the processes that see to it."""
