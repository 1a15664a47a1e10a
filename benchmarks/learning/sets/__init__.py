"""Sets of pictures and clips that a model learns from or is tested on."""
