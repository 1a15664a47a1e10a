"""Renders patches of surface into a picture: a z-buffer of point samples.

A patch is lit on its own coarse grid. Then it is refined until neighbouring samples are
less than a pixel apart. The samples go into a z-buffer of twice the resolution of the
picture, and only visible ones are textured. No loop over triangles is needed, and a
picture takes about a tenth of a second in NumPy.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_pipeline.synthetic.head.face_model import Pose
from data_pipeline.synthetic.head.patch import Light, Patch, project
from data_pipeline.synthetic.scene.lighting import ShadowMap, far_to_near, illuminate

_SUPERSAMPLING = 2
# cv2.remap allows fewer than 32768 rows and columns, so lists are folded to this width.
_FOLD = 512
# Depth of pixels without surface, and the least depth of a hole below its surroundings.
_NOWHERE, _HOLE_DEPTH = -99.0, 0.03


def _visible_part(patch: Patch, screen: np.ndarray, size: np.ndarray) -> Patch | None:
    """Return the part of a patch inside the picture that faces the viewer.

    Args:
        patch: a patch in the camera's frame.
        screen: (h, w, 2) its pixels in the supersampled picture.
        size: (width, height) of the supersampled picture.
    """
    seen = ((screen > -8) & (screen < size + 8)).all(-1)
    if patch.closed:
        right, down = np.gradient(screen, axis=(1, 0))
        seen &= right[..., 0] * down[..., 1] > right[..., 1] * down[..., 0] - 1e-3
    if patch.mask is not None:
        seen &= patch.mask > 0
    if not seen.any():
        return None
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    part = (
        slice(max(rows[0] - 2, 0), rows[-1] + 3),
        slice(max(columns[0] - 2, 0), columns[-1] + 3),
    )
    if patch.texture_map is None:
        texture_map = _stretched(patch)[part]
    else:
        texture_map = patch.texture_map[part].astype(np.float32)
    mask = None if patch.mask is None else patch.mask[part]
    return replace(patch, points=patch.points[part], texture_map=texture_map, mask=mask)


def _stretched(patch: Patch) -> np.ndarray:
    """Return the texture map (h, w, 2) that stretches ``albedo`` over a patch."""
    (height, width), texture = patch.points.shape[:2], patch.albedo.shape
    x = np.linspace(0, texture[1] - 1, width, dtype=np.float32)
    y = np.linspace(0, texture[0] - 1, height, dtype=np.float32)
    return np.stack(np.meshgrid(x, y), -1)


def _refined_positions(screen: np.ndarray, axis: int) -> np.ndarray:
    """Return positions between grid lines at which samples lie a pixel apart.

    The spacing follows the length of every interval in the picture, so foreshortened
    parts get few samples.
    """
    step = np.diff(screen, axis=axis)
    lengths = np.sqrt(step[..., 0] ** 2 + step[..., 1] ** 2)
    typical = np.percentile(lengths, 95, axis=1 - axis) + 0.02
    along = np.append(0, np.cumsum(typical)) * 1.12
    count = int(np.clip(along[-1], 4, 1200))
    positions = np.interp(
        np.linspace(0, along[-1], count), along, np.arange(len(along))
    )
    return positions.astype(np.float32)


@dataclass
class _Samples:
    """The refined samples of a patch that fall into the picture.

    Attributes:
        part: the visible part of the patch.
        columns, rows: positions of the samples on its grid.
        index: (N,) numbers of the samples, row by row.
        pixel: (N,) numbers of their pixels, row by row.
        depth: (N,) their z.
    """

    part: Patch
    columns: np.ndarray
    rows: np.ndarray
    index: np.ndarray
    pixel: np.ndarray
    depth: np.ndarray

    def grid_positions(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return columns and rows (n, _FOLD) of the chosen samples, padded."""
        row, column = np.divmod(self.index[chosen], np.int32(len(self.columns)))
        padding = -len(chosen) % _FOLD
        return tuple(
            np.pad(positions[which], (0, padding)).reshape(-1, _FOLD)
            for positions, which in ((self.columns, column), (self.rows, row))
        )


def _refine(patch: Patch, pose: Pose, size: np.ndarray) -> _Samples | None:
    """Return the samples of a patch in a picture of ``size`` (width, height)."""
    screen = _supersampled(patch.points, pose)
    part = _visible_part(patch, screen, size)
    if part is None:
        return None
    screen = _supersampled(part.points, pose)
    columns, rows = (_refined_positions(screen, axis) for axis in (1, 0))
    finer = np.meshgrid(columns, rows)
    coordinates = np.dstack([screen, part.points[..., 2]]).astype(np.float32)
    x, y, depth = cv2.split(cv2.remap(coordinates, *finer, cv2.INTER_LINEAR))
    x, y = np.rint(x).astype(np.int32), np.rint(y).astype(np.int32)
    kept = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1])
    if part.mask is not None:
        kept &= cv2.remap(part.mask, *finer, cv2.INTER_LINEAR) > 0.5
    index = np.flatnonzero(kept).astype(np.int32)
    pixel = (y * np.int32(size[0]) + x).ravel()[index]
    return _Samples(part, columns, rows, index, pixel, depth.ravel()[index])


def _supersampled(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Return pixels (..., 2) of points in the supersampled picture."""
    return project(points, pose) * _SUPERSAMPLING + 0.5 * (_SUPERSAMPLING - 1)


def _colours(
    samples: _Samples, chosen: np.ndarray, light: Light, shadows: ShadowMap
) -> np.ndarray:
    """Return the colours (n, 3) of the chosen samples."""
    part = samples.part
    irradiance, glint = illuminate(part, light, shadows)
    finer = samples.grid_positions(chosen)
    where = cv2.remap(part.texture_map, *finer, cv2.INTER_LINEAR)
    colour = cv2.remap(
        part.albedo, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    colour *= cv2.remap(irradiance, *finer, cv2.INTER_LINEAR)
    if part.gloss > 0:
        shine = cv2.remap(glint, *finer, cv2.INTER_LINEAR)
        if part.gloss_map is not None:
            shine *= cv2.remap(part.gloss_map, where, None, cv2.INTER_LINEAR)
        colour += shine[..., None] * np.asarray(light.key, np.float32)
    return colour.reshape(-1, 3)[: len(chosen)]


def render(
    patches: list[Patch], pose: Pose, light: Light, background: np.ndarray
) -> np.ndarray:
    """Return the picture (H, W, 3) in linear light over a background (H, W, 3).

    Points are in the camera frame. ``pose`` gives scale and centre of the projection.
    """
    shadows = ShadowMap(patches, light)
    size = np.array(background.shape[1::-1]) * _SUPERSAMPLING
    refined = (_refine(patch, pose, size) for patch in patches)
    clouds = [cloud for cloud in refined if cloud is not None]
    drawn = np.zeros((size.prod(), 4), np.float32)
    depth = np.full(size.prod(), _NOWHERE, np.float32)
    for cloud, (pixels, chosen) in zip(clouds, _nearest(clouds, size), strict=True):
        if len(chosen):
            drawn[pixels, :3] = _colours(cloud, chosen, light, shadows)
            drawn[pixels, 3] = 1
            depth[pixels] = cloud.depth[chosen]
    drawn = _fill_holes(drawn.reshape(size[1], size[0], 4), depth.reshape(size[::-1]))
    drawn = cv2.resize(drawn, background.shape[1::-1], interpolation=cv2.INTER_AREA)
    return drawn[..., :3] + (1 - drawn[..., 3:]) * background


def _nearest(
    clouds: list[_Samples], size: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for every cloud its visible pixels and the samples that fill them."""
    pixel = np.concatenate([cloud.pixel for cloud in clouds])
    order = far_to_near(np.concatenate([cloud.depth for cloud in clouds]))
    # Of several values for one index NumPy keeps the last, here the nearest.
    front = np.full(size.prod(), -1, np.int32)
    front[pixel[order]] = order
    seen = np.flatnonzero(front >= 0)
    winner = front[seen]
    ends = np.cumsum([len(cloud.pixel) for cloud in clouds])
    owned = []
    for cloud, end in zip(clouds, ends, strict=True):
        start = end - len(cloud.pixel)
        mine = (winner >= start) & (winner < end)
        owned.append((seen[mine], winner[mine] - start))
    return owned


def _fill_holes(drawn: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Fill pixels that all samples missed with the mean of the surface around them."""
    window = np.ones((3, 3), np.uint8)
    closed = cv2.morphologyEx(depth, cv2.MORPH_CLOSE, window)
    holes = closed - depth > _HOLE_DEPTH
    whole = np.where(holes | (depth == _NOWHERE), 0, 1).astype(np.float32)
    weight = cv2.blur(whole, (3, 3))
    mean = cv2.blur(drawn[..., :3] * whole[..., None], (3, 3))
    holes &= weight > 0
    drawn[holes, :3] = mean[holes] / weight[holes][:, None]
    drawn[holes, 3] = 1
    return drawn
