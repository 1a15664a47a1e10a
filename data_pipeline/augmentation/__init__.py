"""Changes of pictures and landmarks: geometry, light, occluders, motion."""
