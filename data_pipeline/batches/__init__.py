"""Streams of batches for training, from crop stores."""
