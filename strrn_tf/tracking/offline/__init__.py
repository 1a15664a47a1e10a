"""Tracking of files: every frame is decided by the frames before and behind it."""
