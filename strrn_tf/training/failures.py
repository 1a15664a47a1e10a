"""Ends of a long run that are nobody's mistake. Standard library only.

They stand apart so that the command line knows them without importing Keras.
"""


class TrainingDiverged(RuntimeError):
    """The loss or a weight is not finite. The last checkpoint before it is intact."""


class DiskFull(OSError):
    """There is no room for a checkpoint. The one before it is intact."""
