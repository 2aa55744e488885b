"""Training data and training of the small tagger. Run by hand, never in a session."""
