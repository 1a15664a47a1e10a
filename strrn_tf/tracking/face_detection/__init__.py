"""Faces in a frame: MTCNN without TensorFlow, and its boxes."""
