"""What several tests share: drawn inputs, toy networks, NumPy references."""
