"""Trainers: the networks with their losses.

A trainer is a Keras model that computes its loss from a batch. ``keras.Model.fit``
trains it (`fitting`). Batches are dictionaries (docs/architecture.md, "Networks").
"""

import keras
from keras import ops

from strrn_tf.config import AlgorithmConfig
from strrn_tf.training.devices import SAMPLE_INDEX
from strrn_tf.training.losses import annotated, cycle_loss, point_error, wing


@keras.saving.register_keras_serializable(package="strrn_tf")
class DetectorTrainer(keras.Model):
    """A detector. Its loss is the sum over its refinements of the wing loss.

    It learns the points that are annotated, see `losses`.

    Args:
        detector: MDM or HGN.
        frozen_statistics: whether batch normalisation keeps its mean and variance, and
            normalises by them.
    """

    def __init__(
        self,
        detector: keras.Model,
        *,
        frozen_statistics: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.detector = detector
        self.frozen_statistics = frozen_statistics
        # The name in users' logs. Unlike the metric of ``evaluation``, its eye distance
        # has a floor, see ``geometry.eye_distance``.
        self.error = keras.metrics.Mean(name="nme_interocular")
        self.built = True  # the detector is built, and there are no other weights

    def call(self, inputs, training=None):  # noqa: ANN001, ANN201
        frames = in_unit_range(inputs["frames"])
        # Nothing but batch normalisation depends on it.
        training = False if self.frozen_statistics else training
        return self.detector(frames, training=training)["refinements"]

    def compute_loss(self, x=None, y=None, y_pred=None, *_: object, **__: object):  # noqa: ANN001, ANN201
        truth = x["landmarks"]
        self.error.update_state(100 * point_error(y_pred[:, -1], truth))
        # Fused labels say how far to trust each landmark.
        weight = x["trust"][:, None] if "trust" in x else None
        return _mean(ops.sum(wing(y_pred, truth[:, None], weight=weight), -1))

    def replica(self) -> "DetectorTrainer":
        """Return a new trainer of a new network with the same weights."""
        copy = _replica(self.detector)
        return DetectorTrainer(copy, frozen_statistics=self.frozen_statistics)


@keras.saving.register_keras_serializable(package="strrn_tf")
class TrackerTrainer(keras.Model):
    """A tracker. Its loss is the distance to the target plus the cycle losses of Eq. 6.

    Algorithm 1 tracks backward twice, from the tracked and from the detected shape. The
    two passes are one call on a doubled batch.

    Args:
        tracker: STRRN.
        config: weights of the losses, ``rollout_steps`` and ``correction_fraction``.
            With ``temporal=False`` there are no cycles.
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
        self.built = True  # the tracker is built, and there are no other weights

    def call(self, inputs, training=None):  # noqa: ANN001, ANN201
        frames = in_unit_range(inputs["frames"])
        index = inputs.get(SAMPLE_INDEX)
        start = self.roll_out(frames[:, 0], inputs["start"], index)
        tracked = self.tracker({"frames": frames[:, 1], "start": start})
        if not self.config.temporal:
            return {"start": start, "tracked": tracked}
        # Backward tracking starts at a fixed shape. With a gradient through it, the
        # forward pass would learn to hide the error of the start in its answer, where
        # the backward pass finds it again. An update would also take three times as
        # long.
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

    def roll_out(self, frames, start, index=None):  # noqa: ANN001, ANN201
        """Return starts (B, L, 2) after 0, 1, 2 ... runs of the tracker (self-rollout).

        On a video every step starts at the answer of the step before. A tracker that
        has seen only a detector's errors does not correct its own, and they add up.

        Args:
            frames: (B, 315, 315, 3) in [0, 1], the frames of the starts.
            start: (B, L, 2) in crop pixels.
            index: (B,) of the samples in the whole batch, if this is a part of it. The
                number of runs depends on it.
        """
        steps = self.config.rollout_steps
        if index is None:
            index = ops.arange(ops.shape(start)[0])
        runs = index % (steps + 1)
        for step in range(steps):
            moved = self.tracker({"frames": frames, "start": start})
            moves = (runs > step)[:, None, None]
            start = ops.stop_gradient(ops.where(moves, moved, start))
        return start

    def compute_loss(self, x=None, y=None, y_pred=None, *_: object, **__: object):  # noqa: ANN001, ANN201
        # The part of the error of the start that one step may leave.
        left = 1 - self.config.correction_fraction
        error = left * (y_pred["start"] - x["before"])
        # The shape of the frame before has all points; the target may lack some.
        asked, tracked, whole = x["target"] + error, y_pred["tracked"], x["before"]
        distance = point_error(tracked, asked, whole)
        exact = point_error(tracked, x["target"], whole)
        self.means["nme_interocular"].update_state(100 * exact)
        if not self.config.temporal:
            return _mean(distance)
        known, form = annotated(x["target"]), self.config.cycle_form
        l_tck = cycle_loss(y_pred["back_from_tracked"], y_pred["start"], known, form)
        l_det = cycle_loss(y_pred["back_from_detected"], y_pred["start"], known, form)
        self.means["l_tck"].update_state(l_tck)
        self.means["l_det"].update_state(l_det)
        ensemble = self.config.l_tck_weight * l_tck + self.config.l_det_weight * l_det
        return _mean(distance + self.config.cycle_weight * ensemble)

    def replica(self) -> "TrackerTrainer":
        """Return a new trainer of a new network with the same weights."""
        return TrackerTrainer(_replica(self.tracker), self.config)


def in_unit_range(frames):  # noqa: ANN001, ANN201
    """Return frames in [0, 1], as networks expect them. uint8 frames are divided."""
    if keras.backend.standardize_dtype(frames.dtype) != "uint8":
        return frames
    return ops.cast(frames, "float32") * (1 / 255)


class PerSample(keras.losses.Loss):
    """Losses that are already computed; Keras takes their mean."""

    def call(self, y_true, y_pred):  # noqa: ANN001, ANN201
        return y_pred


def _mean(losses):  # noqa: ANN001, ANN202
    """Return the mean of losses (B,) over the batch, or a device's part of that mean.

    Gradients are summed over devices when a batch is split. Keras accounts for that in
    its own losses only.
    """
    return PerSample()(losses, losses)


def _replica(network: keras.Model) -> keras.Model:
    """Return a network of the same weights, with variables of its own."""
    saving = keras.saving
    copy = saving.deserialize_keras_object(saving.serialize_keras_object(network))
    copy.set_weights(network.get_weights())
    return copy
