"""What damaged media do to the readers."""
