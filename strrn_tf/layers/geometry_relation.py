"""Nose-centred log-distance geometry and the relation features made of it, Eq. 2.

The paper's features are logarithms of coordinate differences, which are minus infinity
for equal coordinates. As in Relation Networks, distances are divided by the size of the
face and clamped at 1e-3 before the logarithm. The features do not change when the face
is moved or scaled. They change when it is rotated.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

SMALLEST_DISTANCE = 1e-3  # fraction of the face size


@keras.saving.register_keras_serializable(package="strrn_tf")
class LogDistanceGeometry(keras.layers.Layer):
    """Pairwise features CONCAT[phi^m, phi^n] inside one component.

    phi^m = [log|x^m - x^n|, log|y^m - y^n|, log|x^m - x*|, log|y^m - y*|] with x*, y*
    the nose. phi^n is the same with m and n exchanged, so two of the eight entries
    repeat, as printed. Partners n of landmark m are all landmarks of the component and
    the nose: the paper's N_R = 20 x (20 + 1) for the mouth.

    Args:
        members: landmark indices of the component.
        root: index of the nose landmark.

    Call arguments:
        landmarks: (B, L, 2) xy, in any unit.

    Returns:
        (B, M, M + 1, 8) for M members.
    """

    def __init__(self, members: Sequence[int], root: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.members = list(members)
        self.root = root

    def call(self, landmarks):  # noqa: ANN001, ANN201
        size = ops.max(ops.max(landmarks, 1) - ops.min(landmarks, 1), -1)
        shape = landmarks / size[:, None, None]
        points = ops.take(shape, self.members, axis=1)
        nose = shape[:, self.root : self.root + 1]
        partners = ops.concatenate([points, nose], axis=1)

        pair = _log_distance(points[:, :, None], partners[:, None])
        to_nose = _log_distance(points, nose)[:, :, None]
        partner_to_nose = _log_distance(partners, nose)[:, None]
        blank = ops.zeros_like(pair)
        return ops.concatenate(
            [pair, to_nose + blank, pair, partner_to_nose + blank], axis=-1
        )

    def compute_output_shape(self, landmarks_shape: tuple) -> tuple:
        count = len(self.members)
        return (landmarks_shape[0], count, count + 1, 8)

    def get_config(self) -> dict:
        return {**super().get_config(), "members": self.members, "root": self.root}


@keras.saving.register_keras_serializable(package="strrn_tf")
class GeometryRelation(keras.layers.Layer):
    """Relation feature f_G(m) = mean over n of relu(W_G . CONCAT[phi^m, phi^n] + b_G).

    Eq. 2 has no aggregation over n. We read "via addition" in the text as a sum over
    the partners n, and divide it by their number. Without the division, 21 partners
    would make these features much larger than those of the appearance.

    Args:
        features: width D.

    Call arguments:
        pairs: (B, M, N, 8).

    Returns:
        (B, M, D).
    """

    def __init__(self, features: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.features = features
        self.dense = layers.Dense(features, "relu", name="dense")

    def build(self, pairs_shape: tuple) -> None:
        self.dense.build(pairs_shape)
        super().build(pairs_shape)

    def call(self, pairs):  # noqa: ANN001, ANN201
        return ops.mean(self.dense(pairs), axis=2)

    def compute_output_shape(self, pairs_shape: tuple) -> tuple:
        return (*pairs_shape[:2], self.features)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features}


def _log_distance(a, b):  # noqa: ANN001, ANN202
    return ops.log(ops.maximum(ops.abs(a - b), SMALLEST_DISTANCE))
