"""Animated stills: heads of photographs turn, talk and blink, with exact landmarks."""
