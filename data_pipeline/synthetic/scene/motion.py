"""Smooth random tracks: the motion of head, mouth and lids over a clip."""

import numpy as np

from data_pipeline.synthetic.head.face_model import Expression
from data_pipeline.synthetic.head.outlines import smooth_curve

FRAMES_PER_SECOND = 25


def smooth_track(
    rng: np.random.Generator,
    frames: int,
    spread: float | np.ndarray,
    seconds: float,
) -> np.ndarray:
    """Sample a smooth track around 0.

    Args:
        rng: source of the randomness.
        frames: length of the track.
        spread: half range of the values, () or (D,).
        seconds: mean time between two turning points.

    Returns:
        (frames, D), or (frames,) for a scalar ``spread``.
    """
    spread = np.asarray(spread, float)
    knots = int(np.ceil(frames / (seconds * FRAMES_PER_SECOND))) + 4
    values = rng.uniform(-1, 1, (knots, max(spread.size, 1))) * spread
    steps = rng.uniform(0.7, 1.4, knots - 1)
    times = np.append(0, np.cumsum(steps)) * seconds * FRAMES_PER_SECOND
    start = times[1] + rng.uniform(0, 1) * (times[2] - times[1])
    curve = smooth_curve(np.column_stack([times * 1.0, values]), 16)
    # The first coordinate of the curve is time and increases strictly.
    moments = start + np.arange(frames)
    moments = np.minimum(moments, curve[-1, 0])
    columns = curve[:, 1:].T
    track = np.stack([np.interp(moments, curve[:, 0], c) for c in columns], -1)
    return _eased(track).reshape((frames, *spread.shape))


def _eased(track: np.ndarray) -> np.ndarray:
    """Return a track (T, D) smoothed over five frames."""
    weights = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(track, ((2, 2), (0, 0)), mode="edge")
    return sum(w * padded[k : k + len(track)] for k, w in enumerate(weights))


def blink_track(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Sample the opening of the lids (frames,): 1, with blinks down to 0."""
    opening = np.ones(frames)
    # Down within two frames, up within four: about a quarter of a second.
    shape = np.array([0.7, 0.2, 0.0, 0.15, 0.5, 0.8, 0.95])
    moment = rng.uniform(0.2, 2.0) * FRAMES_PER_SECOND
    while moment < frames:
        for offset, value in enumerate(shape):
            if int(moment) + offset < frames:
                index = int(moment) + offset
                opening[index] = min(opening[index], value)
        moment += rng.uniform(1.0, 4.5) * FRAMES_PER_SECOND
    return opening


def talk_track(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Sample the opening of the mouth (frames,): syllables in phrases."""
    syllables = np.maximum(smooth_track(rng, frames, 0.19, 0.1), 0)
    phrases = np.clip(0.5 + 2 * smooth_track(rng, frames, 1.0, 0.8), 0, 1)
    return syllables * phrases


def expression_track(
    rng: np.random.Generator, frames: int, strength: float
) -> list[Expression]:
    """Sample the expressions of a clip. ``strength`` scales all but the blinks."""
    talks = rng.random() < 0.75
    still = np.zeros(frames)
    mouth = talk_track(rng, frames) * min(strength, 1.3) if talks else still
    smile = rng.uniform(-0.15, 0.5) + smooth_track(rng, frames, 0.45 * strength, 0.9)
    pucker = np.maximum(smooth_track(rng, frames, 0.5, 0.3), 0) * (talks * strength)
    raised = smooth_track(rng, frames, 0.6 * strength, 0.7)
    uneven = smooth_track(rng, frames, 0.2 * strength, 0.8)
    frown = smooth_track(rng, frames, 0.7 * strength, 1.0)
    gaze = smooth_track(rng, frames, np.array([0.6, 0.35]), 0.6)
    skew = smooth_track(rng, frames, 0.35 * strength, 0.8)
    lids = blink_track(rng, frames) * (rng.uniform(0.82, 1.05) + 0.12 * raised)
    return [
        Expression(
            mouth_open=float(mouth[t]),
            smile=float(np.clip(smile[t], -0.3, 1.0)),
            pucker=float(pucker[t] * (smile[t] < 0.3)),
            skew=float(skew[t]),
            lids=(float(lids[t]), float(lids[t])),
            brows=(float(raised[t] + uneven[t]), float(raised[t] - uneven[t])),
            frown=float(max(frown[t], 0)),
            gaze=(float(gaze[t, 0]), float(gaze[t, 1])),
        )
        for t in range(frames)
    ]


def sample_expression(rng: np.random.Generator) -> Expression:
    """Sample the expression of a still: neutral, smiling, talking or exaggerated."""
    kind = rng.integers(4)
    wild = kind == 3
    smile = rng.uniform(0.2, 1.0) if kind == 1 else rng.uniform(-0.25, 0.3)
    gap = rng.uniform(0, 0.14) if kind in (1, 2) else 0.0
    lids = rng.uniform(0.8, 1.15) if rng.random() < 0.92 else rng.uniform(0, 0.5)
    raised, uneven = rng.uniform(-0.5, 0.8), rng.normal(0, 0.2 if wild else 0.05)
    return Expression(
        mouth_open=rng.uniform(0, 0.5) if wild else gap * (rng.random() < 0.75),
        smile=smile,
        pucker=rng.uniform(0, 0.7) * (kind == 2) * (smile < 0.3),
        skew=rng.normal(0, 0.4 if wild else 0.1),
        lids=(lids, lids),
        brows=(raised + uneven, raised - uneven),
        frown=max(0.0, rng.uniform(-1, 1)),
        gaze=(rng.normal(0, 0.35), rng.normal(0, 0.2)),
    )
