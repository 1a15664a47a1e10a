"""Hair: a shell around the head that ends at a hairline."""

import cv2
import numpy as np

from data_pipeline.synthetic.head.body import rows_between
from data_pipeline.synthetic.head.face_model import Identity
from data_pipeline.synthetic.head.patch import Patch
from data_pipeline.synthetic.head.skin import smooth_noise
from data_pipeline.synthetic.head.surface import Head

_GRID = 220
# For every style the height of the hairline at these absolute azimuths in radians.
_AZIMUTHS = np.array([0.0, 0.4, 0.75, 1.0, 1.2, 1.4, 1.65, 2.1, 2.6, 3.15])
_HAIRLINES = {
    "short": (-0.93, -0.91, -0.78, -0.5, -0.3, 0.15, -0.1, 0.45, 0.85, 0.9),
    "side": (-0.9, -0.88, -0.75, -0.5, -0.3, 0.2, -0.1, 0.5, 0.85, 0.9),
    "fringe": (-0.52, -0.5, -0.48, -0.4, -0.2, 0.3, 0.1, 0.6, 0.9, 1.0),
    "bob": (-0.95, -0.9, -0.72, -0.35, 0.95, 1.25, 1.3, 1.35, 1.4, 1.4),
    "long": (-0.97, -0.92, -0.75, -0.4, 0.6, 1.95, 2.15, 2.3, 2.4, 2.4),
    "tied": (-0.97, -0.93, -0.8, -0.55, -0.35, 0.05, -0.15, 0.3, 0.5, 0.6),
    "receding": (-1.12, -1.28, -1.2, -0.7, -0.35, 0.1, -0.1, 0.4, 0.8, 0.9),
    "bald": (-2.0, -2.0, -2.0, -2.0, -0.45, 0.0, -0.1, 0.4, 0.8, 0.9),
}


def hair_patches(head: Head) -> list[Patch]:
    """Return the hair of a head. The expression does not move it."""
    identity = head.identity
    rng = np.random.default_rng(identity.seed + 4)
    style = identity.hair_style
    azimuth = np.linspace(-np.pi, np.pi, _GRID)[None]
    line = np.interp(np.abs(azimuth), _AZIMUTHS, _HAIRLINES[style])
    line = line + _parting(identity, azimuth, rng)
    line = line + 0.03 * smooth_noise(rng, (1, _GRID), 12)
    y = rows_between(-identity.crown, float(line.max()) + 0.02, _GRID)[:, None]
    above = np.clip((line - y) / 0.28, 0, 1)
    if style in ("bob", "long"):
        # Long hair ends in the air. It rises from the skin only around the face.
        above = np.maximum(above, np.clip((np.abs(azimuth) - 0.9) / 0.3, 0, 1))
    patch = Patch(
        _shell(head, y, azimuth, above, rng),
        _texture(identity, rng),
        mask=_strands_above(line, y, rng),
        gloss=0.05,
        shininess=7,
        gloss_map=_sheen(rng),
        closed=True,
    )
    return [patch, *(_bun(identity, patch.albedo) if style == "tied" else [])]


def _strands_above(
    line: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the mask (h, w) of the hair, with strands at its edge."""
    height = y.shape[0]
    strands = rng.standard_normal((height // 9, _GRID), dtype=np.float32)
    strands = cv2.resize(strands, (_GRID, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(0.5 + (line - y) / 0.16 + 0.16 * strands, 0, 1).astype(np.float32)


def _parting(
    identity: Identity, azimuth: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the shift of the hairline by a side parting or a ragged fringe."""
    if identity.hair_style in ("side", "bob", "long"):
        side = rng.choice((-1, 1))
        sweep = np.exp(-(((azimuth - 0.45 * side) / 0.4) ** 2))
        return 0.22 * rng.uniform(0.4, 1.3) * sweep
    if identity.hair_style == "fringe":
        return 0.05 * smooth_noise(rng, azimuth.shape, 4) * (np.abs(azimuth) < 0.9)
    return np.zeros_like(azimuth)


def _shell(
    head: Head,
    y: np.ndarray,
    azimuth: np.ndarray,
    above: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the points (h, w, 3) of the shell. ``above`` is 0 at the hairline."""
    identity = head.identity
    half, middle, front, back = head.profile(np.minimum(y, 0.1))
    cosine = np.cos(azimuth)
    z = middle + np.where(cosine > 0, front, back) * cosine
    points = np.stack(np.broadcast_arrays(half * np.sin(azimuth), y, z), -1)
    thickness = identity.hair_thickness * (0.5 if identity.hair_style == "tied" else 1)
    thickness = min(thickness, 0.07) if identity.hair_style == "bald" else thickness
    if identity.hair_style not in ("bob", "long"):
        # Cut hair is fuller on the crown than at the sides.
        thickness = thickness * (0.4 + 0.75 * np.clip(-y / identity.crown, 0, 1))
    strands = rng.standard_normal((6, _GRID), dtype=np.float32)
    strands = cv2.resize(strands, (_GRID, len(y)), interpolation=cv2.INTER_CUBIC)
    lift = 0.065 + thickness * (above * (2 - above)) * (1 + 0.09 * strands)
    centre = np.array([0.0, -0.15, -0.1])
    outward = points - centre
    outward[..., 1] *= np.clip(-y, 0, 1)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    flare = 0.1 * np.clip(y - 0.1, 0, 1.2) * (np.abs(azimuth) > 0.8)
    return (points + (lift + flare)[..., None] * outward).astype(np.float32)


def _texture(identity: Identity, rng: np.random.Generator) -> np.ndarray:
    """Return the colours (H, W, 3) of strands that run along the columns."""
    fine = rng.standard_normal((10, 420), dtype=np.float32)
    coarse = smooth_noise(rng, (10, 420), 12)
    strands = np.clip(1 + 0.3 * fine + 0.22 * coarse, 0.35, 2)
    return (strands[..., None] * identity.hair).astype(np.float32)


def _sheen(rng: np.random.Generator) -> np.ndarray:
    """Return the gloss (H, W) of highlights that follow the strands."""
    strands = rng.standard_normal((10, 420), dtype=np.float32)
    return np.clip(1 + 0.6 * strands, 0.1, 3)


def _bun(identity: Identity, texture: np.ndarray) -> list[Patch]:
    """Return a knot of hair behind the crown."""
    azimuth = np.linspace(-np.pi, np.pi, 40)[None]
    polar = np.linspace(0, np.pi, 30)[:, None]
    x = np.sin(polar) * np.sin(azimuth)
    z = np.sin(polar) * np.cos(azimuth)
    y = -np.cos(polar) + 0 * azimuth
    middle = (0, -identity.crown - 0.05, -0.45)
    points = np.stack([x, y, z], -1) * 0.33 + middle
    return [Patch(points.astype(np.float32), texture, gloss=0.05, shininess=7)]
