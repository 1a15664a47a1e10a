"""Files on disk to tf.data: readers, face boxes, crops, augmentation, drawn faces."""
