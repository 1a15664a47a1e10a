"""Exported networks: model folder, crop, LiteRT."""
