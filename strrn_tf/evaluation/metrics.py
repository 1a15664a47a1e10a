"""Errors of 68-point landmarks: NME, AUC, accuracy, failure rate, jitter. NumPy only.

A published "NME" or "AUC" means little without its protocol, so the protocol is part of
every name here:

* ``interpupil``: errors divided by the distance between the means of the two eyes'
  points (36-41, 42-47), the paper's own choice;
* ``interocular``: errors divided by the distance of the outer eye corners (36, 45), as
  most of the 300VW literature does. It is 1.4 times the inter-pupil distance, so these
  errors are smaller by that factor.

``auc_008`` is the area under the cumulative error distribution (CED) up to 8 %, divided
by 8 % (what the literature calls AUC); ``acc_008`` is the fraction of frames below 8 %
(what the paper's Table 2 prints under "AUC"); ``failure_008`` is the rest. Without a
suffix they use inter-pupil errors; with the suffix ``_interocular`` the other ones.

The error of a shape that a person annotated in part is that of its points. Its eye
distance comes from a ``whole`` shape, in which a fitted head has the missing points.

Errors are in **percent** of the eye distance, float64. A frame without an answer (lost)
has landmarks NaN and the error ``inf``: it counts as a failure in AUC, accuracy and
failure rate, and is left out only of means and medians of NME, which name the number of
lost frames beside them.

Jitter is a second difference over time in percent of the eye distance. There are three:

* *error jitter* (``jitter``) of the errors, with ground truth;
* *landmark jitter* of the landmarks, without it, which includes the acceleration of the
  face (``benchmarks/accuracy/real_clips.py``);
* *output jitter* of what the live tracker returns, smoothed, over the distance of the
  outer eye corners (``strrn benchmark``).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from strrn_tf.landmarks import NUM_LANDMARKS, OUTER_EYE_CORNERS, REGIONS

LEFT_EYE, RIGHT_EYE = list(REGIONS["left_eye"]), list(REGIONS["right_eye"])
THRESHOLDS = (5.0, 8.0)


def point_error(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the mean point-to-point distance (...) in pixels of landmarks (..., L, 2).

    Papers that print "RMSE" of landmarks mean this quantity. True points that are NaN
    do not count; without any the distance is NaN.
    """
    difference = np.asarray(predicted, np.float64) - np.asarray(true, np.float64)
    known = np.broadcast_to(np.isfinite(true).all(-1), difference.shape[:-1])
    distance = np.where(known, np.linalg.norm(difference, axis=-1), 0).sum(-1)
    count = known.sum(-1)
    return np.where(count, distance / np.maximum(count, 1), np.nan)


def interpupil(true: np.ndarray) -> np.ndarray:
    """Return the distance (...) between the means of the eyes of (..., 68, 2)."""
    true = np.asarray(true, np.float64)
    left, right = true[..., LEFT_EYE, :].mean(-2), true[..., RIGHT_EYE, :].mean(-2)
    return np.linalg.norm(right - left, axis=-1)


def interocular(true: np.ndarray) -> np.ndarray:
    """Return the distance (...) between the outer eye corners of (..., 68, 2)."""
    true = np.asarray(true, np.float64)
    left, right = OUTER_EYE_CORNERS
    return np.linalg.norm(true[..., right, :] - true[..., left, :], axis=-1)


NORMALISERS = {"interpupil": interpupil, "interocular": interocular}


def nme_interpupil(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the point error (...) in percent of the true inter-pupil distance."""
    return nme(predicted, true, "interpupil")


def nme_interocular(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the point error (...) in percent of the true outer-eye-corner distance."""
    return nme(predicted, true, "interocular")


def nme(
    predicted: np.ndarray,
    true: np.ndarray,
    normaliser: str,
    whole: np.ndarray | None = None,
) -> np.ndarray:
    """Return the point error (...) in percent of the true eye distance (...).

    Args:
        predicted: (..., 68, 2); the error is ``inf`` where it is not finite.
        true: (..., 68, 2), NaN where nobody annotated the point. One point or more of
            every shape must be finite.
        normaliser: "interpupil" or "interocular".
        whole: (..., 68, 2) finite, gives the eye distance. None: ``true`` does, which
            must have the points of the eyes.
    """
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    for name, value in (("predicted", predicted), ("true", true)):
        if value.shape[-2:] != (NUM_LANDMARKS, 2):
            raise ValueError(
                f"`{name}` must be landmarks (..., {NUM_LANDMARKS}, 2). "
                f"Received: shape {value.shape}"
            )
    distance = NORMALISERS[normaliser](true if whole is None else whole)
    known = np.isfinite(true).all(-1)
    if not known.any(-1).all() or not (distance > 0).all():
        raise ValueError(
            f"`true` must have a point and a positive {normaliser} distance in every "
            "frame; leave out frames that nobody annotated"
        )
    found = np.isfinite(predicted).all((-2, -1))
    error = point_error(np.where(found[..., None, None], predicted, true), true)
    return np.where(found, 100 * error / distance, np.inf)


def held(landmarks: np.ndarray) -> np.ndarray:
    """Return landmarks (T, 68, 2) over time with those of the last frame where lost.

    Frames before the first one that is found get those of that one. With no frame
    found, all are NaN.
    """
    landmarks = np.asarray(landmarks)
    found = np.flatnonzero(np.isfinite(landmarks).all((-2, -1)))
    if not found.size:
        return landmarks
    frames = np.arange(len(landmarks))
    last = np.searchsorted(found, frames, side="right") - 1
    return landmarks[found[np.maximum(last, 0)]]


def ced(errors: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the cumulative error distribution: the fraction of errors <= threshold.

    Args:
        errors: (N,), ``inf`` for lost frames.
        thresholds: (M,) in the unit of the errors.

    Returns:
        (M,) fractions in [0, 1].
    """
    ordered = np.sort(_check_errors(errors))
    return np.searchsorted(ordered, thresholds, side="right") / ordered.size


def auc(errors: np.ndarray, threshold: float) -> float:
    """Return the area under the CED from 0 to the threshold, divided by the threshold.

    In closed form 1 - mean(min(error, T)) / T: the CED is the mean over the frames of
    the step at the frame's error, and one such step has the area T - min(error, T).
    """
    errors = _check_errors(errors)
    return float(1 - np.minimum(errors, threshold).mean() / threshold)


def accuracy(errors: np.ndarray, threshold: float) -> float:
    """Return the fraction of errors below the threshold (the paper's "AUC")."""
    return float((_check_errors(errors) < threshold).mean())


def failure_rate(errors: np.ndarray, threshold: float) -> float:
    """Return the fraction of errors not below the threshold; lost frames count."""
    return float((_check_errors(errors) >= threshold).mean())


def _check_errors(errors: np.ndarray) -> np.ndarray:
    errors = np.asarray(errors, np.float64)
    if errors.ndim != 1 or errors.size == 0 or np.isnan(errors).any():
        raise ValueError(
            "`errors` must be one number per frame, at least one, `inf` for a lost "
            f"frame and never NaN. Received: shape {errors.shape}, "
            f"{int(np.isnan(errors).sum())} of them NaN"
        )
    return errors


def jitter_terms(
    predicted: np.ndarray,
    true: np.ndarray | None = None,
    *,
    frames: Sequence[int] | None = None,
    normaliser: str = "interpupil",
    points: Sequence[int] = tuple(range(NUM_LANDMARKS)),
    whole: np.ndarray | None = None,
) -> np.ndarray:
    """Return error or landmark jitter of every frame with both neighbours, in percent.

    With d_t = predicted_t - true_t (d_t = predicted_t without ground truth), frame t
    has 100 * mean over the landmarks of |d_(t+1) - 2 d_t + d_(t-1)| / eye distance in
    t. A constant offset or a steady drift has none; trembling has. With ground truth it
    is the error jitter, without it the landmark jitter.

    Args:
        predicted: (T, 68, 2) landmarks over time, NaN in lost frames.
        true: (T, 68, 2) ground truth, or None. A point counts where it is annotated in
            all three frames.
        frames: (T,) frame numbers, by default 0, 1, 2, ...; frames that are not
            consecutive are not differenced.
        normaliser: "interpupil" or "interocular", of the ground truth if there is one.
        points: landmarks that count; others may be NaN unless the normaliser needs
            them.
        whole: (T, 68, 2) gives the eye distance, as for :func:`nme`.

    Returns:
        (M,) with M <= T - 2: triples with a lost frame or a gap are left out.
    """
    predicted = np.asarray(predicted, np.float64)
    frames = np.arange(len(predicted)) if frames is None else np.asarray(frames)
    if len(frames) < 3:
        return np.empty(0)
    base = predicted if true is None else np.asarray(true, np.float64)
    signal = predicted if true is None else predicted - base
    signal = signal[:, list(points)]
    second = signal[2:] - 2 * signal[1:-1] + signal[:-2]
    kept = np.isfinite(second).all(-1).any(-1)
    if true is None:
        kept = np.isfinite(second).all((-2, -1))
    kept &= (np.diff(frames)[1:] == 1) & (np.diff(frames)[:-1] == 1)
    distance = NORMALISERS[normaliser]((base if whole is None else whole)[1:-1][kept])
    return 100 * point_error(0, second[kept]) / distance


def jitter(
    predicted: np.ndarray,
    true: np.ndarray | None = None,
    *,
    frames: Sequence[int] | None = None,
    normaliser: str = "interpupil",
    points: Sequence[int] = tuple(range(NUM_LANDMARKS)),
) -> float:
    """Return the mean of :func:`jitter_terms` in percent, NaN where there are none."""
    terms = jitter_terms(
        predicted, true, frames=frames, normaliser=normaliser, points=points
    )
    return float(terms.mean()) if terms.size else float("nan")


def summarise(
    errors: dict[str, np.ndarray],
    sequences: Iterable[str],
    jitters: dict[str, np.ndarray] | None = None,
) -> dict[str, float | int]:
    """Return all metrics of a set of frames.

    Args:
        errors: {"interpupil": (N,), "interocular": (N,)} percent, ``inf`` where lost.
        sequences: (N,) name of each frame's sequence.
        jitters: {"interpupil": (M,), "interocular": (M,)} of :func:`jitter_terms`.

    Returns:
        ``frames``, ``sequences``, ``lost_frames``, ``lost_sequences`` (lost
        throughout); per normaliser ``nme_*`` (mean over the frames that are not lost),
        ``nme_*_median``, ``nme_*_sequences`` (mean of the sequences' means), all in
        percent; ``auc_*``, ``acc_*``, ``failure_*`` over **all** frames, in [0, 1];
        ``jitter`` (error jitter) in percent. NaN where it is not defined.
    """
    names = np.asarray(list(sequences))
    found = np.isfinite(_check_errors(errors["interpupil"]))
    result: dict[str, float | int] = {
        "frames": found.size,
        "sequences": len(set(names.tolist())),
        "lost_frames": int((~found).sum()),
        "lost_sequences": len(set(names.tolist()) - set(names[found].tolist())),
    }
    for normaliser, values in errors.items():
        result |= _nme_summary(f"nme_{normaliser}", values[found], names[found])
        suffix = "" if normaliser == "interpupil" else f"_{normaliser}"
        for threshold in THRESHOLDS:
            tag = f"{threshold:03.0f}{suffix}"
            result[f"auc_{tag}"] = auc(values, threshold)
            result[f"acc_{tag}"] = accuracy(values, threshold)
            result[f"failure_{tag}"] = failure_rate(values, threshold)
        if jitters is not None:
            terms = np.asarray(jitters[normaliser])
            result[f"jitter{suffix}"] = float(terms.mean()) if terms.size else np.nan
    return result


def _nme_summary(name: str, errors: np.ndarray, names: np.ndarray) -> dict[str, float]:
    """Return mean, median and mean of the per-sequence means of finite errors."""
    if errors.size == 0:
        return dict.fromkeys((name, f"{name}_median", f"{name}_sequences"), np.nan)
    means = [errors[names == sequence].mean() for sequence in np.unique(names)]
    return {
        name: float(errors.mean()),
        f"{name}_median": float(np.median(errors)),
        f"{name}_sequences": float(np.mean(means)),
    }
