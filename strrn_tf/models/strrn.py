"""STRRN: the spatial-temporal relational reasoning tracker, Eq. 1 to 4.

One set of weights tracks forward and backward. The direction is no input, so the two
networks "with shared parameters" of Eq. 4 are one network that is called twice.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from strrn_tf.geometry import CROP_SIZE
from strrn_tf.landmarks import COMPONENTS, NOSE_ROOT, NUM_LANDMARKS
from strrn_tf.layers.appearance import GroupAppearance
from strrn_tf.layers.geometry_relation import GeometryRelation, LogDistanceGeometry
from strrn_tf.layers.halving import halving, to_full, to_half
from strrn_tf.layers.patches import PatchSampler


@keras.saving.register_keras_serializable(package="strrn_tf")
class STRRN(keras.Model):
    """Moves the shape of a neighbouring frame to the landmarks of this frame.

    The network regresses an offset, and its last layer starts at zero. Before training
    it returns its start.

    Args:
        patch_size: side of the patches in pixels, of the halved crop if ``reduction``
            is 2.
        reduction: 2 for a network that sees the crop at half its resolution
            (`Halving`). A patch of 15 pixels then covers the paper's 30 crop pixels.
        channels, features, style: appearance networks, see ``PatchEncoder``.
        relation: width of the geometry features per landmark.
        hidden: width of the layer after the concatenated features (Eq. 3).
        components: landmark indices of every component; ``None``: the five of
            ``landmarks.COMPONENTS``.
        offset_unit: crop pixels for an output of one. With the patch side, as in MDM,
            one update of the last layer would move the landmarks further than the
            errors that are left to learn.
        spatial: ``False`` removes the spatial module (Table 3): one appearance network
            for all landmarks and no geometry.

    Call arguments:
        inputs: dict of ``frames`` (B, 315, 315, 3) in [0, 1] and ``start`` (B, 68, 2),
            the shape in the neighbouring frame, in pixels of the common crop.

    Returns:
        (B, 68, 2) landmarks in ``frames``.
    """

    def __init__(
        self,
        patch_size: int = 30,
        channels: tuple[int, int] = (16, 32),
        features: int | None = 32,
        style: str = "strided",
        relation: int = 8,
        hidden: int = 384,
        offset_unit: float = 3.0,
        components: Sequence[Sequence[int]] | None = None,
        spatial: bool = True,
        reduction: int = 1,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        groups = components or list(COMPONENTS.values())
        self.settings = {
            "patch_size": patch_size,
            "channels": list(channels),
            "features": features,
            "style": style,
            "relation": relation,
            "hidden": hidden,
            "offset_unit": offset_unit,
            "components": [list(c) for c in groups],
            "spatial": spatial,
            "reduction": reduction,
        }
        self.halving = halving(reduction)
        self.sampler = PatchSampler(patch_size, name="patches")
        groups = self.settings["components"] if spatial else []
        self.appearance = GroupAppearance(
            groups or [range(NUM_LANDMARKS)],
            *(channels, features, style),
            name="appearance",
        )
        self.geometry = [
            LogDistanceGeometry(c, NOSE_ROOT, name=f"geometry_{i}")
            for i, c in enumerate(groups)
        ]
        self.relations = [
            GeometryRelation(relation, name=f"relation_{i}")
            for i in range(len(self.geometry))
        ]
        # Normalised, so geometry and appearance keep an equal scale in training.
        self.norms = [
            layers.LayerNormalization(name=f"norm_{part}")
            for part in (["geometry"] if spatial else []) + ["appearance"]
        ]
        # tanh as in MDM: with ReLU all units died within forty updates. The tracker
        # stayed the identity, which has no cycle error.
        self.fuse = layers.Dense(hidden, "tanh", name="fuse")
        self.regress = layers.Dense(
            2 * NUM_LANDMARKS, kernel_initializer="zeros", name="regress"
        )
        frames, start = (None, CROP_SIZE, CROP_SIZE, 3), (None, NUM_LANDMARKS, 2)
        self.build({"frames": frames, "start": start})

    def build(self, input_shape: dict) -> None:
        frames, start = input_shape["frames"], input_shape["start"]
        self.sampler.build(frames, start)
        patches = self.sampler.compute_output_shape(frames, start)
        self.appearance.build(patches)
        _, count, features = self.appearance.compute_output_shape(patches)
        widths = [count * features]
        geometry_width = 0
        for geometry, relation in zip(self.geometry, self.relations, strict=True):
            geometry.build(start)
            pairs = geometry.compute_output_shape(start)
            relation.build(pairs)
            geometry_width += pairs[1] * self.settings["relation"]
        if geometry_width:
            widths.insert(0, geometry_width)
        for norm, width in zip(self.norms, widths, strict=True):
            norm.build((None, width))
        self.fuse.build((None, sum(widths)))
        self.regress.build((None, self.settings["hidden"]))
        super().build(input_shape)

    def call(self, inputs):  # noqa: ANN001, ANN201
        frames, start = inputs["frames"], inputs["start"]
        if not self.halving:
            return start + self._offset(frames, start)
        return start + self._offset(self.halving(frames), start)

    def call_halved(self, frames, start):  # noqa: ANN001, ANN201
        """Track in crops that are halved already.

        Args:
            frames: (B, 157, 157, 3).
            start: (B, 68, 2) in pixels of the halved crop.

        Returns:
            (B, 68, 2) in pixels of the halved crop.
        """
        return start + self._offset(frames, to_full(start)) / 2

    def _offset(self, frames, start):  # noqa: ANN001, ANN202
        """Return the move (B, 68, 2) of a start, both in crop pixels."""
        features = self.relational_features(frames, start)
        offset = self.settings["offset_unit"] * self.regress(self.fuse(features))
        return ops.reshape(offset, (-1, NUM_LANDMARKS, 2))

    def relational_features(self, frames, start):  # noqa: ANN001, ANN201
        """Return f_SR (B, D): geometry of all components, then appearances (Eq. 3).

        Args:
            frames: (B, S, S, 3), halved if ``reduction`` is 2.
            start: (B, 68, 2) in crop pixels.
        """
        geometry = [
            _flat(relation(pairs(start)))
            for pairs, relation in zip(self.geometry, self.relations, strict=True)
        ]
        positions = to_half(start) if self.halving else start
        appearance = self.appearance(self.sampler(frames, positions))
        parts = [ops.concatenate(geometry, axis=-1)] if geometry else []
        parts.append(_flat(appearance))
        return ops.concatenate(
            [norm(part) for norm, part in zip(self.norms, parts, strict=True)], axis=-1
        )

    def compute_output_shape(self, input_shape: dict) -> tuple:
        return tuple(input_shape["start"])

    def get_config(self) -> dict:
        return {"name": self.name, "trainable": self.trainable, **self.settings}


def _flat(features):  # noqa: ANN001, ANN202
    """Return features (B, M, D) as (B, M * D). M and D are static, B need not be."""
    return ops.reshape(features, (-1, features.shape[1] * features.shape[2]))
