"""Keras layers of the method, written with `keras.ops` only."""
