"""What a face in a still is made to do, as landmarks.

The landmarks of the still are lifted to three dimensions with the depths of an average
head (`head`), so that they keep the person's own proportions. There they are moved by
an expression and turned, and seen again from the front. NumPy only.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from data_pipeline.augmentation.head import average_head, lift
from data_pipeline.synthetic.head.face_model import Expression, Pose
from data_pipeline.synthetic.scene.patch import rotation

# Upper lids, each with the point of the lower lid that it closes on.
_UPPER_LIDS, _LOWER_LIDS = [37, 38, 43, 44], [41, 40, 47, 46]
_UPPER_LIP, _LOWER_LIP = [61, 62, 63], [67, 66, 65]
# A flat picture turns no further than this, in radians: what hides behind the nose and
# the cheek is not in it. Lids close no further, since the eye would fold.
_LARGEST_YAW, _LARGEST_PITCH, _MOST_CLOSED = 0.6, 0.4, 0.6
# What one unit of each expression is, and the head that shows it.
_UNITS = {
    "mouth_open": (0.2, Expression(mouth_open=0.2)),
    "smile": (0.5, Expression(smile=0.5)),
    "pucker": (0.5, Expression(pucker=0.5)),
    "brows": (0.5, Expression(brows=(0.5, 0.5))),
    "skew": (0.5, Expression(skew=0.5)),
}


@dataclass(frozen=True)
class Performance:
    """What changes against the still; all zeros is the still itself.

    Attributes:
        yaw: further turn of the head in radians; positive turns the nose to the right
            of the picture. Heads are not turned away further than 34 degrees.
        pitch: the same; positive lowers the nose.
        mouth_open: further opening of the mouth, in half widths of the head; a mouth
            closes no further than its lips.
        smile, pucker, brows, skew: as in the drawn faces' ``Expression``.
        lids_closed: share of the opening of the eyes that is taken away, at most 0.6.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    mouth_open: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    brows: float = 0.0
    skew: float = 0.0
    lids_closed: float = 0.0

    def plus(self, values: np.ndarray) -> "Performance":
        """Return the performance with ``values`` (8,) added, in the order above."""
        names = self.__dataclass_fields__
        sums = {n: getattr(self, n) + v for n, v in zip(names, values, strict=True)}
        return replace(self, **sums)


def perform(landmarks: np.ndarray, performance: Performance) -> np.ndarray:
    """Return the landmarks (68, 2) float64 that the face shows in the performance.

    Args:
        landmarks: (68, 2) of the still, in any pixels.
        performance: what the face does.
    """
    landmarks = np.asarray(landmarks, np.float64)
    lifted = lift(landmarks)
    closed = np.clip(performance.lids_closed, 0.0, _MOST_CLOSED)
    flat = landmarks.copy()
    flat[_UPPER_LIDS] += closed * (landmarks[_LOWER_LIDS] - landmarks[_UPPER_LIDS])
    seen = np.column_stack([flat - lifted.centre, lifted.depth])
    head = seen @ lifted.turn / lifted.scale
    gap = head[_LOWER_LIP, 1].mean() - head[_UPPER_LIP, 1].mean()
    amounts = {name: getattr(performance, name) for name in _UNITS}
    amounts["mouth_open"] = max(amounts["mouth_open"], -0.8 * max(gap, 0.0))
    for name, amount in amounts.items():
        head += amount * _change(name)
    yaw, pitch = lifted.angles
    further = rotation(
        Pose(
            yaw=_further(yaw, performance.yaw, _LARGEST_YAW),
            pitch=_further(pitch, performance.pitch, _LARGEST_PITCH),
        )
    )
    turned = head @ (lifted.turn @ further).T
    return lifted.centre + lifted.scale * turned[:, :2]


def _further(angle: float, change: float, largest: float) -> float:
    """Return the change without the part that leads away from the front too far."""
    low, high = min(-largest - angle, 0.0), max(largest - angle, 0.0)
    return float(np.clip(change, low, high))


@lru_cache
def _change(name: str) -> np.ndarray:
    """Return what a unit of an expression adds to the average head (68, 3)."""
    amount, shown = _UNITS[name]
    return (average_head(shown) - average_head(Expression())) / amount


@dataclass(frozen=True)
class Liveliness:
    """Standard deviations of a performance, in the units of its attributes.

    Steps between frames follow Student's t with three degrees of freedom like those of
    ``Motion``; what a face does in the first frame is normal.

    Attributes:
        probability: of a performance at all.
        first: of the first frame, against the still.
        step: of the second frame, against the first.
    """

    probability: float = 0.6
    first: tuple[float, ...] = (0.2, 0.12, 0.1, 0.4, 0.25, 0.35, 0.2, 0.2)
    step: tuple[float, ...] = (0.035, 0.02, 0.03, 0.06, 0.05, 0.08, 0.03, 0.1)


def draw_performances(
    rng: np.random.Generator, liveliness: Liveliness
) -> tuple[Performance | None, Performance | None]:
    """Draw what a face does in two consecutive frames; None: what the still shows."""
    if rng.random() >= liveliness.probability:
        return None, None
    count = len(liveliness.first)
    first = np.clip(rng.standard_normal(count), -2, 2) * liveliness.first
    steps = np.clip(rng.standard_t(3, count) / np.sqrt(3), -4, 4)
    before = Performance().plus(first)
    return before, before.plus(steps * liveliness.step)
