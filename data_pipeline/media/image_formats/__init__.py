"""What the bytes of an image file say: size, orientation, depth of the values."""
