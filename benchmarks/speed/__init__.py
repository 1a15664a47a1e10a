"""How fast training, data and tracking are, and what they need."""
