"""Omni-supervised 68-point face tracking for video (STRRN, AAAI 2020).

Importing this package is cheap: neither TensorFlow nor Keras is loaded until a part
that needs them is used.
"""

__version__ = "0.2.0"
__all__ = ["Face", "FaceTracker", "OfflineTracker", "__version__"]


def __getattr__(name: str) -> object:
    if name in ("Face", "FaceTracker"):
        from strrn_tf.tracking import tracker

        return getattr(tracker, name)
    if name == "OfflineTracker":
        from strrn_tf.tracking.offline.tracker import OfflineTracker

        return OfflineTracker
    raise AttributeError(f"module 'strrn_tf' has no attribute '{name}'")
