"""Figures of the product, each a command that prints one JSON object last."""
