"""What is around the head: camera, light, background, motion."""
