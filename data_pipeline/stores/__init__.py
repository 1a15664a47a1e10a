"""The crop store, and what fills it."""
