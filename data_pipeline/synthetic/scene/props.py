"""Objects that a hand holds before a face: the hand itself, a cup, a microphone."""

import numpy as np

from data_pipeline.synthetic.head.face_model import Identity
from data_pipeline.synthetic.head.outlines import smooth_curve
from data_pipeline.synthetic.head.patch import Patch, tube

_HAND_WRAP = (0.4, 0.24, 0.18)


def hand_patches(identity: Identity, rng: np.random.Generator) -> list[Patch]:
    """Return a hand and forearm, with the palm around the origin."""
    skin = identity.skin * (1.0, 0.9, 0.88)
    spread, curl = rng.uniform(0.12, 0.3), rng.uniform(0.0, 0.35)
    options = {"wrap": _HAND_WRAP, "gloss": 0.04}
    patches = []
    for finger in range(4):
        lean = (finger - 1.5) * spread * 0.55
        length = (0.62, 0.72, 0.68, 0.52)[finger]
        root = np.array([(finger - 1.5) * 0.17, -0.25, 0.0])
        axis = np.array([np.sin(lean), -np.cos(lean), 0.0])
        bend = np.array([0, 0, -curl])
        joints = [root + length * t * axis + t * t * bend for t in (0, 0.35, 0.7, 1.0)]
        path = smooth_curve(np.array([root - 0.3 * axis, *joints]), 6)
        patches.append(tube(path, _round_ends(len(path), 0.088), skin, **options))
    thumb = smooth_curve(np.array([(0.2, 0.3, 0), (0.42, 0.05, 0.1), (0.5, -0.2, 0.1)]))
    patches.append(tube(thumb, _round_ends(len(thumb), 0.1), skin, **options))
    palm = np.stack([np.zeros(24), np.linspace(-0.38, 0.55, 24), np.zeros(24)], -1)
    flat = tube(palm, _round_ends(24, 0.36, 0.35), skin, **options)
    flat.points[..., 2] *= 0.4
    sleeve = np.stack([np.zeros(20), np.linspace(0.4, 3.5, 20), np.zeros(20)], -1)
    wrist = tube(sleeve, np.linspace(0.24, 0.42, 20), skin, **options)
    cuff = tube(sleeve[5:], np.linspace(0.36, 0.55, 15), identity.clothes)
    return [*patches, flat, wrist, cuff]


def _round_ends(count: int, radius: float, power: float = 0.3) -> np.ndarray:
    """Return radii (count,) that close at both ends."""
    fraction = np.linspace(0, 1, count)
    return radius * np.maximum(4 * fraction * (1 - fraction), 0) ** power + 1e-3


def cup_patches(identity: Identity, rng: np.random.Generator) -> list[Patch]:
    """Return a cup around the origin, held by a hand from below."""
    colour = rng.uniform(0.05, 0.8, 3)
    y = np.linspace(-0.45, 0.45, 24)
    path = np.stack([0 * y, y, 0 * y], -1)
    cup = tube(path, np.linspace(0.37, 0.29, 24), colour, gloss=0.2)
    band = np.ones((20, 8, 3)) * colour
    band[:, 3:5] *= rng.uniform(0.2, 1.2)
    cup.albedo = band.astype(np.float32)
    lid = tube(path[:3] - (0, 0.03, 0), np.full(3, 0.39), (0.6, 0.6, 0.6), gloss=0.2)
    hand = hand_patches(identity, rng)
    for patch in hand:
        patch.points = patch.points * 0.85 + np.float32((0.1, 0.55, 0.28))
    return [cup, lid, *hand]


def microphone_patches(identity: Identity, rng: np.random.Generator) -> list[Patch]:
    """Return a microphone in a hand, with its head at the origin."""
    dark = rng.uniform(0.01, 0.06)
    ball = np.stack([np.zeros(24), np.linspace(-0.2, 0.2, 24), np.zeros(24)], -1)
    grille = tube(ball, _round_ends(24, 0.2, 0.5), (0.1, 0.1, 0.11), gloss=0.3)
    stick = np.stack([np.zeros(20), np.linspace(0.15, 1.6, 20), np.zeros(20)], -1)
    shaft = tube(stick, np.linspace(0.13, 0.09, 20), (dark,) * 3, gloss=0.2)
    hand = hand_patches(identity, rng)
    for patch in hand:
        patch.points = patch.points * 0.85 + np.float32((0.0, 1.35, 0.15))
    return [grille, shaft, *hand]


PROPS = {"hand": hand_patches, "cup": cup_patches, "microphone": microphone_patches}
