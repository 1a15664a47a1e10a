"""Losses attached to the networks, and a `fit` that survives a kill.

Training goes through ``keras.Model.fit``: a trainer is a model whose ``compute_loss``
knows the landmarks. Data sets yield dictionaries (docs/architecture.md, "Networks").
"""

import keras
from keras import ops

from strrn_tf.config import AlgorithmConfig
from strrn_tf.training.devices import PLACE
from strrn_tf.training.losses import check_loss, point_error, wing


@keras.saving.register_keras_serializable(package="strrn_tf")
class DetectorTrainer(keras.Model):
    """A detector with the sum over its refinements of the wing loss.

    Args:
        detector: MDM or HGN.
    """

    def __init__(self, detector: keras.Model, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.detector = detector
        self.error = keras.metrics.Mean(name="nme_interocular")
        self.built = True  # the detector is, and there is nothing else

    def call(self, inputs, training=None):  # noqa: ANN001, ANN201
        frames = in_unit_range(inputs["frames"])
        return self.detector(frames, training=training)["refinements"]

    def compute_loss(self, x=None, y=None, y_pred=None, *_: object, **__: object):  # noqa: ANN001, ANN201
        truth = x["landmarks"]
        self.error.update_state(100 * point_error(y_pred[:, -1], truth))
        return _mean(ops.sum(wing(y_pred, truth[:, None]), -1))

    def twin(self) -> "DetectorTrainer":
        """Return a new trainer of a new network with the same weights."""
        return DetectorTrainer(_twin(self.detector))


@keras.saving.register_keras_serializable(package="strrn_tf")
class TrackerTrainer(keras.Model):
    """A tracker with its distance to the target and the cycle losses of Eq. 6.

    The two backward passes of Algorithm 1, from the tracked and from the detected
    shape, are one call on a doubled batch.

    Args:
        tracker: STRRN.
        config: weights of the losses; ``temporal=False`` leaves the cycles out. Steps
            of drift before the forward pass, and what of its error is to be mended.
    """

    def __init__(
        self, tracker: keras.Model, config: AlgorithmConfig, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.tracker = tracker
        self.config = config
        self.means = {
            name: keras.metrics.Mean(name=name)
            for name in ("nme_interocular", "l_tck", "l_det")
        }
        self.built = True  # the tracker is, and there is nothing else

    def call(self, inputs, training=None):  # noqa: ANN001, ANN201
        frames = in_unit_range(inputs["frames"])
        start = self.drift(frames[:, 0], inputs["start"], inputs.get(PLACE))
        tracked = self.tracker({"frames": frames[:, 1], "start": start})
        if not self.config.temporal:
            return {"start": start, "tracked": tracked}
        # The way back starts at a fixed shape. Were it learnt through, the forward pass
        # would be paid for hiding the start's errors in its answer, so that they can be
        # found on the way back; and an update would take three times as long.
        shapes = ops.concatenate(
            [ops.stop_gradient(tracked), inputs["detected"]], axis=0
        )
        previous = ops.concatenate([frames[:, 0], frames[:, 0]], axis=0)
        back = self.tracker({"frames": previous, "start": shapes})
        from_tracked, from_detected = ops.split(back, 2)
        return {
            "start": start,
            "tracked": tracked,
            "back_from_tracked": from_tracked,
            "back_from_detected": from_detected,
        }

    def drift(self, frames, start, place=None):  # noqa: ANN001, ANN201
        """Return starts (B, L, 2) that went through the tracker 0, 1, 2 ... times.

        On a video every step starts at what the step before has answered. A tracker
        that was only shown a detector's errors does not mend its own: they add up.

        Args:
            frames: (B, 315, 315, 3) in which the starts are.
            start: (B, L, 2).
            place: (B,) of the samples in the batch, where this is only a part of it.
        """
        steps = self.config.drift_steps
        if place is None:
            place = ops.arange(ops.shape(start)[0])
        turns = place % (steps + 1)
        for step in range(steps):
            moved = self.tracker({"frames": frames, "start": start})
            moves = (turns > step)[:, None, None]
            start = ops.stop_gradient(ops.where(moves, moved, start))
        return start

    def compute_loss(self, x=None, y=None, y_pred=None, *_: object, **__: object):  # noqa: ANN001, ANN201
        # What the step leaves of the error that it starts with.
        kept = 1 - self.config.mending
        error = kept * (y_pred["start"] - x["before"])
        distance = point_error(y_pred["tracked"], x["target"] + error)
        exact = point_error(y_pred["tracked"], x["target"])
        self.means["nme_interocular"].update_state(100 * exact)
        if not self.config.temporal:
            return _mean(distance)
        l_tck = check_loss(y_pred["back_from_tracked"], y_pred["start"])
        l_det = check_loss(y_pred["back_from_detected"], y_pred["start"])
        self.means["l_tck"].update_state(l_tck)
        self.means["l_det"].update_state(l_det)
        ensemble = self.config.l_tck_weight * l_tck + self.config.l_det_weight * l_det
        return _mean(distance + self.config.cycle_weight * ensemble)

    def twin(self) -> "TrackerTrainer":
        """Return a new trainer of a new network with the same weights."""
        return TrackerTrainer(_twin(self.tracker), self.config)


def in_unit_range(frames):  # noqa: ANN001, ANN201
    """Return frames in [0, 1], as networks take them, of such or of uint8 ones."""
    if keras.backend.standardize_dtype(frames.dtype) != "uint8":
        return frames
    return ops.cast(frames, "float32") * (1 / 255)


class PerSample(keras.losses.Loss):
    """Losses that are known already; Keras only takes their mean."""

    def call(self, y_true, y_pred):  # noqa: ANN001, ANN201
        return y_pred


def _mean(losses):  # noqa: ANN001, ANN202
    """Return the mean of losses (B,) over the batch, or a device's share of that mean.

    Where a batch is shared out, gradients are summed over devices; Keras accounts for
    that in losses of its own.
    """
    return PerSample()(losses, losses)


def _twin(network: keras.Model) -> keras.Model:
    """Return a network like this one, with variables of its own."""
    saving = keras.saving
    twin = saving.deserialize_keras_object(saving.serialize_keras_object(network))
    twin.set_weights(network.get_weights())
    return twin
