"""The crop store, and the sources that fill it."""
