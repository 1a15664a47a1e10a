"""Data for training: readers, face boxes, crops, augmentation, synthetic faces."""
