"""Failures of a long run that no wrong option causes. Standard library only.

They are in a file of their own: the command line catches them without importing Keras.
"""


class TrainingDiverged(RuntimeError):
    """The loss or a weight is not finite. The last checkpoint before it is intact."""


class DiskFull(OSError):
    """There is no room for a checkpoint. The one before it is intact."""
