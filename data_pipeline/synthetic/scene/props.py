"""Things that are worn or that pass in front of a face: glasses, hands, cups."""

import numpy as np

from data_pipeline.synthetic.head.face_model import Identity
from data_pipeline.synthetic.head.outlines import smooth_curve
from data_pipeline.synthetic.head.surface import Head
from data_pipeline.synthetic.scene.patch import Patch

_HAND_WRAP = (0.4, 0.24, 0.18)


def tube(
    path: np.ndarray, radii: np.ndarray, colour: np.ndarray, **options: object
) -> Patch:
    """Return a tube along a path (N, 3) with radii (N,)."""
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    helper = np.where(np.abs(along[:, 2:]) < 0.8, (0.0, 0, 1), (0.0, 1, 0))
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    up = np.cross(side, along)
    turn = np.linspace(0, 2 * np.pi, 20)[:, None, None]
    ring = np.cos(turn) * side + np.sin(turn) * up
    points = path + ring * np.asarray(radii, float)[:, None]
    albedo = np.ones((4, 4, 3)) * colour
    return Patch(points.astype(np.float32), albedo.astype(np.float32), **options)


def glasses_patches(head: Head, kind: str, rng: np.random.Generator) -> list[Patch]:
    """Return spectacles (``clear``: only the frame) or sunglasses (``dark``)."""
    colour = rng.uniform(0.01, 0.09, 3) if rng.random() < 0.7 else (0.35, 0.28, 0.15)
    squareness, radius = rng.uniform(1.8, 3.5), rng.uniform(0.012, 0.024)
    width, height = rng.uniform(0.27, 0.31), rng.uniform(0.17, 0.24)
    turn = np.linspace(0, 2 * np.pi, 64)
    power = 2 / squareness
    x = width * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
    y = height * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power + 0.04
    options = {"gloss": 0.3, "shininess": 40, "casts_shadow": False}
    patches = []
    for side in (-1, 1):
        lens_x = side * head.identity.eye_centre + x
        depth = 1.06 - 0.16 * lens_x**2
        rim = np.stack([lens_x, y, depth], -1)
        patches.append(tube(rim, np.full(64, radius), colour, **options))
        hinge = rim[np.argmax(side * rim[:, 0])] + (0, -0.05, 0)
        temple = np.array([hinge, (side * 1.02, -0.02, 0.35), (side * 1.03, 0.0, -0.2)])
        patches.append(tube(temple, np.full(3, radius), colour, **options))
        if kind == "dark":
            patches.append(_lens(rim, rng))
    gap = head.identity.eye_centre - width
    bridge = np.array([(-gap, 0.0, 1.07), (0, -0.035, 1.1), (gap, 0.0, 1.07)])
    patches.append(tube(smooth_curve(bridge), np.full(21, radius), colour, **options))
    return patches


def _lens(rim: np.ndarray, rng: np.random.Generator) -> Patch:
    """Return a dark lens inside a rim (N, 3)."""
    share = np.linspace(0, 1, 12)[:, None, None]
    middle = rim.mean(0)
    points = middle + share * (rim - middle)
    tint = np.linspace(0.01, 0.05, 12)[:, None, None] * np.ones((12, 12, 3))
    return Patch(
        points.astype(np.float32),
        (tint * rng.uniform(0.5, 1.2, 3)).astype(np.float32),
        gloss=0.35,
        shininess=6,
    )


def hand_patches(identity: Identity, rng: np.random.Generator) -> list[Patch]:
    """Return a hand with the forearm below, its palm around the origin."""
    skin = identity.skin * (1.0, 0.9, 0.88)
    spread, curl = rng.uniform(0.12, 0.3), rng.uniform(0.0, 0.35)
    options = {"wrap": _HAND_WRAP, "gloss": 0.04}
    patches = []
    for finger in range(4):
        lean = (finger - 1.5) * spread * 0.55
        length = (0.62, 0.72, 0.68, 0.52)[finger]
        root = np.array([(finger - 1.5) * 0.17, -0.25, 0.0])
        way = np.array([np.sin(lean), -np.cos(lean), 0.0])
        bend = np.array([0, 0, -curl])
        joints = [root + length * t * way + t * t * bend for t in (0, 0.35, 0.7, 1.0)]
        path = smooth_curve(np.array([root - 0.3 * way, *joints]), 6)
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
    share = np.linspace(0, 1, count)
    return radius * np.maximum(4 * share * (1 - share), 0) ** power + 1e-3


def cup_patches(identity: Identity, rng: np.random.Generator) -> list[Patch]:
    """Return a cup held by a hand from below, the cup around the origin."""
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
    """Return a microphone in a fist, its head at the origin."""
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
