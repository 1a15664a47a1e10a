"""Facial motion: moves the landmarks of a still as a head turns, talks and blinks.

The landmarks are lifted to three dimensions with the depths of an average head
(`head.lift`), so a face keeps its own proportions. In head space the expression is
added and the head is turned. The result is projected back along the viewing axis.
NumPy only.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from data_pipeline.augmentation.head import average_head, lift
from data_pipeline.synthetic.head.face_model import Expression, Pose
from data_pipeline.synthetic.head.patch import rotation

# Landmarks of the upper lids, each paired with the lower-lid landmark it closes on.
_UPPER_LIDS, _LOWER_LIDS = [37, 38, 43, 44], [41, 40, 47, 46]
_UPPER_LIP, _LOWER_LIP = [61, 62, 63], [67, 66, 65]
# Largest angles from the front, in radians. A still does not show the far side of the
# nose and cheek. Lids close at most this fraction, or the picture of the eye folds.
_LARGEST_YAW, _LARGEST_PITCH, _MOST_CLOSED = 0.6, 0.4, 0.6
# For each expression an amount, and the head model that shows that amount.
_UNITS = {
    "mouth_open": (0.2, Expression(mouth_open=0.2)),
    "smile": (0.5, Expression(smile=0.5)),
    "pucker": (0.5, Expression(pucker=0.5)),
    "brows": (0.5, Expression(brows=(0.5, 0.5))),
    "skew": (0.5, Expression(skew=0.5)),
}


@dataclass(frozen=True)
class FacialMotion:
    """The change of a face against its still. All zeros leave the face as it is.

    Attributes:
        yaw: added turn of the head in radians. Positive turns the nose to the right of
            the picture. The head turns at most 34 degrees from the front.
        pitch: added nod in radians, at most 23 degrees from the front. Positive lowers
            the nose.
        mouth_open: added opening of the mouth, in half head widths. A mouth
            keeps at least a fifth of its gap.
        smile, pucker, brows, skew: as in `synthetic.head.face_model.Expression`.
        lids_closed: fraction of the eye opening that is removed, at most 0.6.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    mouth_open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    brows: float = 0.0
    skew: float = 0.0
    lids_closed: float = 0.0

    def plus(self, values: np.ndarray) -> "FacialMotion":
        """Return the sum with ``values`` (8,), which are in the order above."""
        names = self.__dataclass_fields__
        sums = {n: getattr(self, n) + v for n, v in zip(names, values, strict=True)}
        return replace(self, **sums)


def animate_landmarks(landmarks: np.ndarray, motion: FacialMotion) -> np.ndarray:
    """Return the landmarks (68, 2) float64 after a facial motion.

    Args:
        landmarks: (68, 2) of the still. Any pixel coordinates do.
        motion: change of the face.
    """
    landmarks = np.asarray(landmarks, np.float64)
    lifted = lift(landmarks)
    closed = np.clip(motion.lids_closed, 0.0, _MOST_CLOSED)
    flat = landmarks.copy()
    flat[_UPPER_LIDS] += closed * (landmarks[_LOWER_LIDS] - landmarks[_UPPER_LIDS])
    seen = np.column_stack([flat - lifted.centre, lifted.depth])
    head = seen @ lifted.turn / lifted.scale
    gap = head[_LOWER_LIP, 1].mean() - head[_UPPER_LIP, 1].mean()
    amounts = {name: getattr(motion, name) for name in _UNITS}
    amounts["mouth_open"] = max(amounts["mouth_open"], -0.8 * max(gap, 0.0))
    for name, amount in amounts.items():
        head += amount * _change(name)
    yaw, pitch = lifted.angles
    added = rotation(
        Pose(
            yaw=_limited(yaw, motion.yaw, _LARGEST_YAW),
            pitch=_limited(pitch, motion.pitch, _LARGEST_PITCH),
        )
    )
    turned = head @ (lifted.turn @ added).T
    return lifted.centre + lifted.scale * turned[:, :2]


def _limited(angle: float, change: float, largest: float) -> float:
    """Return the change, cut so that the angle stays within ``largest`` of the front.

    An angle that is beyond the limit already may only come back.
    """
    low, high = min(-largest - angle, 0.0), max(largest - angle, 0.0)
    return float(np.clip(change, low, high))


@lru_cache
def _change(name: str) -> np.ndarray:
    """Return the displacement (68, 3) of the average head by one unit of expression."""
    amount, shown = _UNITS[name]
    return (average_head(shown) - average_head(Expression())) / amount


@dataclass(frozen=True)
class MotionStrength:
    """How often and how much faces move.

    Amounts are standard deviations in the order and units of `FacialMotion`. The
    motion of the first frame is normal and cut at two deviations. Steps between
    frames follow Student's t with three degrees of freedom, as those of `Motion` do.

    Attributes:
        probability: that a face moves at all.
        first: of the first frame against the still.
        step: of the second frame against the first.
    """

    probability: float = 0.6
    first: tuple[float, ...] = (0.2, 0.12, 0.1, 0.4, 0.25, 0.35, 0.2, 0.2)
    step: tuple[float, ...] = (0.035, 0.02, 0.03, 0.06, 0.05, 0.08, 0.03, 0.1)


def sample_facial_motions(
    rng: np.random.Generator, strength: MotionStrength
) -> tuple[FacialMotion | None, FacialMotion | None]:
    """Sample the motion of two consecutive frames.

    Both are None if the face stays as the still shows it.
    """
    if rng.random() >= strength.probability:
        return None, None
    count = len(strength.first)
    first = np.clip(rng.standard_normal(count), -2, 2) * strength.first
    steps = np.clip(rng.standard_t(3, count) / np.sqrt(3), -4, 4)
    before = FacialMotion().plus(first)
    return before, before.plus(steps * strength.step)
