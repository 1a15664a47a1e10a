"""How far a face, and each of its landmarks, can be trusted. No TensorFlow."""
