"""Fits and judges the confidence of single landmarks, see ``calibrate``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.table import Table
from scipy.optimize import minimize

from benchmarks.models.calibration_error import area_under_curve, calibration_error
from benchmarks.models.calibration_samples import Sample, near
from data_pipeline.datasets.ground_truth import read_stills
from data_pipeline.datasets.labelled_stills import list_labelled
from strrn_tf import FaceTracker
from strrn_tf.geometry import (
    box_from_landmarks,
    eye_distance,
    similarity,
    upright_box,
)
from strrn_tf.tracking.confidence.landmark_confidence import (
    DETECTED,
    TRACKED,
    LandmarkConfidence,
    Weights,
    features,
)
from strrn_tf.tracking.confidence.reliability import GOOD, Reliability
from strrn_tf.tracking.face import Face

# The confidence never rises with an error, and never falls with a resemblance or the
# reliability of the face. In the order of the features.
FALLING, RISING, FREE = (None, 0.0), (0.0, None), (None, None)
BOUNDS = (FALLING, FALLING, FALLING, RISING, RISING, FREE)
# Pull of the slopes towards 0, and of the constants towards their mean. With free
# constants the jaw, of which annotators are unsure, would have less confidence in plain
# sight than an eye behind a hand.
RIDGE, CONSTANTS_RIDGE = 1e-4, 1.0


class LandmarkScores(NamedTuple):
    """Landmarks of one face, scored by weights that have not seen the person.

    Attributes:
        state: of the face.
        confidence: (68,).
        errors: (68,) fractions of the eye distance; NaN: nobody annotated it.
        hidden: (68,) bool.
    """

    state: str
    confidence: np.ndarray
    errors: np.ndarray
    hidden: np.ndarray


def fit_landmarks(
    samples: Sequence[Sample], reliability: Reliability
) -> LandmarkConfidence:
    """Return the logistic functions of largest likelihood that fall with the errors.

    Args:
        samples: faces with the errors of their landmarks.
        reliability: of the faces, which is a feature.
    """
    weights = []
    for state, count in (("tracked", TRACKED), ("detected", DETECTED)):
        chosen = [sample for sample in samples if sample.face.state == state]
        x = np.stack([features(rated(s.face, reliability)) for s in chosen])
        good = np.stack([sample.errors < GOOD for sample in chosen])
        weights.append(_fit(x.astype(np.float64), good, BOUNDS[-count:]))
    return LandmarkConfidence(*weights)


def rated(face: Face, reliability: Reliability) -> Face:
    """Return a face with its reliability by other weights."""
    return replace(face, reliability=reliability(face))


def _fit(x: np.ndarray, good: np.ndarray, bounds: Sequence) -> Weights:
    """Fit constants (68,) and slopes (F,) to features (N, 68, F)."""
    landmarks, sign = x.shape[1], np.where(good, 1.0, -1.0)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        constants, slopes = w[:landmarks], w[landmarks:]
        margin = sign * (constants + x @ slopes)
        apart = constants - constants.mean()
        pull = RIDGE * slopes @ slopes + CONSTANTS_RIDGE * (apart @ apart) / landmarks
        # The slope of log(1 + exp(-margin)).
        push = -sign / (1 + np.exp(np.clip(margin, -50, 50))) / margin.size
        gradient = np.concatenate(
            [
                push.sum(0) + 2 * CONSTANTS_RIDGE * apart / landmarks,
                np.einsum("nl,nlf->f", push, x) + 2 * RIDGE * slopes,
            ]
        )
        return np.logaddexp(0, -margin).mean() + pull, gradient

    start = np.zeros(landmarks + x.shape[2])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None)] * landmarks + list(bounds),
    )
    numbers = [round(float(value), 4) for value in found.x]
    return Weights(numbers[:landmarks], numbers[landmarks:])


def score(
    samples: Sequence[Sample], reliability: Reliability, fitted: LandmarkConfidence
) -> list[LandmarkScores]:
    """Return the confidence of the landmarks of all faces that are not lost."""
    return [
        LandmarkScores(
            s.face.state, fitted(rated(s.face, reliability)), s.errors, s.hidden
        )
        for s in samples
        if s.face.state != "lost"
    ]


def annotated_faces(
    tracker: FaceTracker, folder: Path, mapping: Path | None
) -> dict[str, list[Sample]]:
    """Return the detected faces of annotated stills. Points may be missing.

    Args:
        tracker: of the model.
        folder: of the stills.
        mapping: of their markup, see docs/data.md.

    Returns:
        The faces, once with the errors as they are, and once without the median offset
        of every landmark: another markup puts landmarks elsewhere.
    """
    rng = np.random.default_rng(0)
    faces, names, offsets = [], [], []
    stills = list_labelled(folder, "test", mapping=mapping)
    for name, image, _, true in read_stills(stills, []):
        whole = true.landmarks if true.whole is None else true.whole
        tracker.reset()
        boxes = [near(box_from_landmarks(whole), rng)]
        for face in tracker.update(image, boxes=boxes):
            faces.append(face)
            names.append(name)
            offsets.append(upright_offsets(face.landmarks, true.landmarks, whole))
    kinds = {
        "annotated": np.array(offsets),
        "annotated, without offsets": offsets - np.median(offsets, axis=0),
    }
    nothing = np.zeros(len(offsets[0]), bool)
    return {
        kind: [
            Sample(face, np.linalg.norm(apart, axis=-1), nothing, name, "stills")
            for face, apart, name in zip(faces, all_apart, names, strict=True)
        ]
        for kind, all_apart in kinds.items()
    }


def upright_offsets(
    landmarks: np.ndarray, true: np.ndarray, whole: np.ndarray
) -> np.ndarray:
    """Return offsets (68, 2) from the truth, as if the face stood upright.

    Args:
        landmarks: (68, 2).
        true: (68, 2), NaN where nobody annotated the point.
        whole: (68, 2) finite, gives the roll, and the eye distance that is the unit.
    """
    turn = similarity(1.0, -upright_box(whole)[1], np.zeros(2))[:, :2]
    return (landmarks - true) @ turn.T / eye_distance(whole)


def landmark_table(scored: dict[str, Sequence[LandmarkScores]]) -> Table:
    """Return the table of the confidence of landmarks, one row for each group."""
    table = Table("landmarks of", "number", "good", "ECE", "AUC, good", "AUC, hidden")
    for name, some in scored.items():
        if not some:
            continue
        sure, errors, hidden = (
            np.concatenate([getattr(one, part) for one in some])
            for part in ("confidence", "errors", "hidden")
        )
        known = np.isfinite(errors)
        sure, hidden, good = sure[known], hidden[known], errors[known] < GOOD
        table.add_row(
            name,
            str(len(sure)),
            f"{100 * good.mean():.1f} %",
            f"{calibration_error(sure, good):.3f}",
            _area(sure, good),
            _area(-sure, hidden),
        )
    return table


def _area(score: np.ndarray, positive: np.ndarray) -> str:
    both = positive.any() and not positive.all()
    return f"{area_under_curve(score, positive):.3f}" if both else ""
