"""The synthetic head: its surface, features and hair."""
