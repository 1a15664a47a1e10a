"""What FFmpeg does here, through PyAV: files, pipes and addresses in, overlays out."""
