"""The scene around a person: light, background, props, motion, rendering."""
