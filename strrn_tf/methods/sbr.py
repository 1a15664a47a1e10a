"""SBR, the paper's baseline: a detector learns to agree with optical flow.

Dong et al., "Supervision-by-Registration", CVPR 2018. As published, the detector is
trained on stills first, then on stills and unlabelled clips together. There is no
tracker. The loss on clips is a weighted distance between the detected landmarks and
those that Lucas-Kanade tracks from the neighbouring frames (`registration`).
"""

from dataclasses import dataclass, field

import keras
import tensorflow as tf
from keras import ops

from strrn_tf.config import SbrConfig
from strrn_tf.methods.registration import PUBLISHED_PIXEL, register
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.training.losses import point_error, wing


def registration_loss(detected, forward, backward, kept):  # noqa: ANN001, ANN201
    """Return the mean over the kept points of the sum of both distances.

    Args:
        detected: (B, L, 2) crop pixels in the middle frame.
        forward: (B, L, 2), tracked from the frame before.
        backward: (B, L, 2), tracked from the frame after.
        kept: (B, L), 1 or 0.

    Returns:
        A number in pixels of the published crop; 0 if no point is kept.
    """
    targets = ops.stack([forward, backward])
    distances = ops.sqrt(ops.sum((detected[None] - targets) ** 2, -1) + 1e-12)
    total = ops.sum(kept * ops.sum(distances, 0))
    return total / ops.maximum(ops.sum(kept), 1) / PUBLISHED_PIXEL


@keras.saving.register_keras_serializable(package="strrn_tf")
class RegistrationTrainer(keras.Model):
    """A detector with its loss on stills and the registration loss on clips.

    Batches have ``frames`` (B, 315, 315, 3) with ``landmarks`` (B, L, 2), and
    ``triplets`` (b, 3, 315, 315, 3).

    Args:
        detector: MDM or HGN.
        config: weight of the registration loss and limits of its tests.
    """

    def __init__(
        self, detector: keras.Model, config: SbrConfig, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.detector = detector
        self.config = config
        self.means = {
            name: keras.metrics.Mean(name=name)
            for name in ("nme_interocular", "registration", "kept")
        }
        self.supports_jit = False  # OpenCV is in the loss
        self.built = True  # the detector is built, and there are no other weights

    def call(self, inputs, training=None):  # noqa: ANN001, ANN201
        stills, triplets = inputs["frames"], inputs["triplets"]
        middle = ops.concatenate([stills, triplets[:, 1]], axis=0)
        answers = self.detector(middle, training=training)["refinements"]
        count = ops.shape(stills)[0]
        ends = ops.concatenate([triplets[:, 0], triplets[:, 2]], axis=0)
        before, after = ops.split(self.detector(ends)["refinements"][:, -1], 2)
        shapes = ops.stack([before, answers[count:, -1], after], axis=1)
        # The targets are fixed: no gradient passes through the flow.
        shapes = ops.stop_gradient(shapes)
        return {
            "refinements": answers[:count],
            "detected": answers[count:, -1],
            **self.register(triplets, shapes),
        }

    def register(self, triplets, shapes):  # noqa: ANN001, ANN201
        """Return forward, backward (b, L, 2) and kept (b, L) of the middle frames."""
        found = tf.numpy_function(
            lambda frames, points: list(register(frames, points, self.config)),
            [triplets, shapes],
            [tf.float32] * 3,
            stateful=False,
        )
        names = ("forward", "backward", "kept")
        size = shapes.shape[0], *shapes.shape[2:]
        sizes = (size, size, size[:-1])
        return {
            name: tf.ensure_shape(value, one)
            for name, value, one in zip(names, found, sizes, strict=True)
        }

    def compute_loss(self, x=None, y=None, y_pred=None, *_: object, **__: object):  # noqa: ANN001, ANN201
        answers, truth = y_pred["refinements"], x["landmarks"]
        on_stills = ops.mean(ops.sum(wing(answers, truth[:, None]), -1))
        names = ("detected", "forward", "backward", "kept")
        on_clips = registration_loss(*(y_pred[name] for name in names))
        values = {
            "nme_interocular": 100 * point_error(answers[:, -1], truth),
            "registration": on_clips,
            "kept": y_pred["kept"],
        }
        for name, value in values.items():
            self.means[name].update_state(value)
        return on_stills + self.config.weight * on_clips


@dataclass(frozen=True)
class SupervisionByRegistration:
    """SBR, a `Method`: the same stills as Algorithm 1, other rounds.

    Attributes:
        run: networks, data and folder. The tracker is trained on stills only: SBR has
            none, but an exported folder does.
        sbr: weight and limits of the registration.
    """

    run: TrainingRun
    sbr: SbrConfig = field(default_factory=SbrConfig)

    def train_on_stills(self) -> None:
        """Train the detector, and the tracker that is exported beside it."""
        self.run.train_detector(0)
        self.run.train_tracker(0)

    def run_round(self, number: int) -> None:
        """Train the detector on stills and clips together; the tracker stays."""
        run = self.run
        trainer = RegistrationTrainer(run.detector, self.sbr)
        batches_from = run.data.registration_batches(run.seed(number))
        run.train("detector", number, trainer, batches_from)

    def decide(self) -> None:
        """Keep what was learnt: nothing here compares it with the former weights."""

    def report_gain(self) -> None:
        """Report nothing: SBR has no cycles by which pairs could be compared."""
