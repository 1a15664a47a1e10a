"""A person: everything that stays the same in a clip, and the landmarks."""

from functools import cached_property

import numpy as np

from data_pipeline.synthetic.head.body import ear_patches, face_patch, torso_patches
from data_pipeline.synthetic.head.face_model import Expression, Identity, Pose
from data_pipeline.synthetic.head.glasses import glasses_patches
from data_pipeline.synthetic.head.hair import hair_patches
from data_pipeline.synthetic.head.patch import Light, Patch, moved, project, rotation
from data_pipeline.synthetic.head.skin import paint_skin
from data_pipeline.synthetic.head.surface import Head, neutral_relief

# Fraction of a turn of the head by which the torso turns.
_TORSO_TURN = 0.3


class Person:
    """One identity with its painted skin, hair, ears, clothes and glasses."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    @cached_property
    def _skin(self) -> np.ndarray:
        return paint_skin(self.identity)

    @cached_property
    def _relief(self) -> np.ndarray:
        return neutral_relief(self.identity)

    @cached_property
    def _worn(self) -> list[Patch]:
        head = Head(self.identity, Expression(), self._relief)
        patches = [*ear_patches(head), *hair_patches(head)]
        if self.identity.glasses != "none":
            rng = np.random.default_rng(self.identity.seed + 5)
            patches += glasses_patches(head, self.identity.glasses, rng)
        return patches

    @cached_property
    def _torso(self) -> list[Patch]:
        return torso_patches(self.identity)

    def patches(self, expression: Expression, pose: Pose, light: Light) -> list[Patch]:
        """Return all patches in the camera frame."""
        turn = rotation(pose)
        head = Head(self.identity, expression, self._relief)
        towards = tuple(np.asarray(light.direction) @ turn)
        face = face_patch(head, self._skin, towards, -pose.yaw)
        turned = [moved(patch, turn) for patch in (face, *self._worn)]
        lean = rotation(pose, _TORSO_TURN)
        return turned + [moved(patch, lean) for patch in self._torso]

    def landmarks(self, expression: Expression, pose: Pose) -> np.ndarray:
        """Return the 68 landmarks (68, 2) float32 in pixels, iBUG-68."""
        head = Head(self.identity, expression, self._relief)
        turn = rotation(pose).T
        inner = project(head.inner_landmarks() @ turn, pose)
        jaw = project(head.jaw_candidates() @ turn, pose)
        return np.concatenate([_contour(jaw, pose), inner]).astype(np.float32)


def _contour(candidates: np.ndarray, pose: Pose) -> np.ndarray:
    """Return the contour (17, 2): the outermost candidate of every landmark.

    Outermost means furthest along the normal of the resting jaw line, which rolls with
    the head. A parabola refines the maximum, so the contour slides smoothly while the
    head turns.
    """
    angle = np.linspace(np.pi, 0, 17)
    upright = np.stack([np.cos(angle), np.sin(angle) ** 2], -1)
    normal = upright @ rotation(Pose(roll=pose.roll))[:2, :2].T
    reach = np.einsum("lsc,lc->ls", candidates, normal)
    rows = np.arange(17)
    last = reach.shape[1] - 1
    best = np.clip(reach.argmax(1), 1, last - 1)
    before, here, after = (reach[rows, best + k] for k in (-1, 0, 1))
    bend = np.minimum(before - 2 * here + after, -1e-9)
    offset = np.clip(0.5 * (before - after) / bend, -1, 1)
    position = best + offset
    low = np.clip(np.floor(position).astype(int), 0, last - 1)
    fraction = (position - low)[:, None]
    return (1 - fraction) * candidates[rows, low] + fraction * candidates[rows, low + 1]
