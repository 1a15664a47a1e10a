"""Images, videos, cameras and ``.pts`` files."""
