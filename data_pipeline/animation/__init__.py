"""Annotated stills that turn their heads, talk and blink, with exact landmarks."""
