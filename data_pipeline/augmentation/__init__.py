"""Changes of a picture and its landmarks: geometry, light, occluders, facial motion."""
