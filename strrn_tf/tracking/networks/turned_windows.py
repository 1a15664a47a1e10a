"""The choice among what a detector answers in windows that are turned by quarters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strrn_tf.geometry import roll_angle

if TYPE_CHECKING:
    from strrn_tf.tracking.networks.face_networks import Detections

# By which a window is turned from the likeliest roll, in radians.
TURNS = (0.0, np.pi, np.pi / 2, -np.pi / 2)


class Answer(NamedTuple):
    """Detections in a turned window, and the doubt about them in eye distances."""

    doubt: float
    detections: "Detections"


def least_doubtful(
    answers: Sequence[Answer], limit: float, margin: float = 0.0
) -> Answer:
    """Return the answer with the least doubt.

    Args:
        answers: that of the likeliest roll first.
        limit: doubt up to which an answer counts in any case.
        margin: by which a doubtful one must be better than the first.
    """
    best = min(answers, key=lambda answer: answer.doubt)
    is_clear = best.doubt <= limit or answers[0].doubt - best.doubt >= margin
    return best if is_clear else answers[0]


def is_likely(best: Answer, first: Answer, roll: float, is_known: bool) -> bool:
    """Return whether a doubtful answer is to be believed.

    It must be that of the likeliest roll, and near to it. Upside down, detector and
    face check are often sure of what is no face: such a roll has to be known.

    Args:
        best: the answer.
        first: that of the likeliest roll.
        roll: the likeliest, in radians.
        is_known: whether the face had this roll before.
    """
    is_near = np.cos(roll_angle(best.detections.landmarks) - roll) > np.cos(np.pi / 4)
    return bool(best is first and is_near and (is_known or np.cos(roll) > 0))
