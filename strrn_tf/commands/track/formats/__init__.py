"""The formats in which landmarks are written, one a file."""
