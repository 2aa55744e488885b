"""What the talk passes through: frame processors."""
