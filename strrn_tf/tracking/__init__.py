"""TensorFlow-free runtime: crop window, LiteRT models, tracking state."""
