"""From an image or video to stored crops: face boxes, windows, samples."""
