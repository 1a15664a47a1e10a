"""The thin-plate spline that moves a picture along with its landmarks."""

import cv2
import numpy as np

from strrn_tf.geometry import (
    CROP_SIZE,
    apply_matrix,
    box_from_landmarks,
    face_size,
    invert_matrix,
)

# A ring of fixed points around the face keeps the background in place.
_RING = 12
_RING_RADIUS = 1.1
# Closed lips and lids have coincident landmarks. A little smoothing keeps the equations
# solvable. The unit is the squared face size.
_SMOOTHING = 1e-5
# The map is computed on a coarse grid and enlarged: cells per side, and the pixels by
# which the grid extends beyond the crop on every side.
_CELLS, _PAD = 32, 8
_NEWTON_STEPS = 4


class Warp:
    """A thin-plate spline from the moved picture to the still (Bookstein 1989).

    Args:
        source: landmarks (68, 2) in the still.
        target: wanted landmarks (68, 2), in the same pixels.
    """

    def __init__(self, source: np.ndarray, target: np.ndarray) -> None:
        source, target = (np.asarray(a, np.float64) for a in (source, target))
        box = box_from_landmarks(np.concatenate([source, target]))
        self._centre, self._size = (box[:2] + box[2:]) / 2, face_size(box)
        angle = np.linspace(0, 2 * np.pi, _RING, endpoint=False)
        ring = _RING_RADIUS * np.stack([np.cos(angle), np.sin(angle)], -1)
        shift = np.zeros((len(source) + _RING, 2))
        shift[: len(source)] = (source - target) / self._size
        knots = np.concatenate([(target - self._centre) / self._size, ring])
        self.fit(knots, shift)

    def fit(self, knots: np.ndarray, shift: np.ndarray) -> None:
        """Solve for the spline that is ``shift`` (M, 2) at ``knots`` (M, 2).

        SciPy's ``RBFInterpolator`` gives the same spline in twice the time:
        ``benchmarks/speed/warp.py``.
        """
        self._knots = knots.astype(np.float32)
        self._weights = _solve(knots, shift).astype(np.float32)

    def shift_at(self, points: np.ndarray) -> np.ndarray:
        """Return the spline (N, 2) at points (N, 2), all in units of the face size."""
        points = points.astype(np.float32)
        kernel = _kernel(points, self._knots)
        columns = np.column_stack([kernel, np.ones(len(points), np.float32), points])
        return columns @ self._weights

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map points (N, 2) of the moved picture to the still."""
        unit = (points - self._centre) / self._size
        return points + self._size * self.shift_at(unit)

    def maps(self, matrix: np.ndarray, side: int = CROP_SIZE) -> np.ndarray:
        """Return the xy in the still of every pixel of a crop, (side, side, 2) float32.

        Args:
            matrix: (2, 3) from the moved picture to the crop.
            side: side of the crop in pixels.
        """
        whole = side + 2 * _PAD
        cells = (np.arange(_CELLS) + 0.5) * (whole / _CELLS) - 0.5 - _PAD
        grid = np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2)
        field = self(apply_matrix(invert_matrix(matrix), grid)).astype(np.float32)
        field = cv2.resize(field.reshape(_CELLS, _CELLS, 2), (whole, whole))
        return np.ascontiguousarray(field[_PAD:-_PAD, _PAD:-_PAD])


def find(maps: np.ndarray, points: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Map points of the still to the crop, (N, 2), by damped Newton steps.

    The maps are enlarged from a coarse grid, so they differ a little from the spline.
    The result is exact for the picture that the maps give.

    Args:
        maps: of the crop, see :meth:`Warp.maps`.
        points: (N, 2) in the still.
        guess: (N, 2) in the crop, at most a few pixels off.
    """
    found = np.array(guess, np.float64)
    for _ in range(_NEWTON_STEPS):
        missing = points - _look_up(maps, found)
        slopes = np.stack(
            [
                (_look_up(maps, found + d) - _look_up(maps, found - d)) / 2
                for d in np.eye(2)
            ],
            axis=-1,
        )
        across = slopes.transpose(0, 2, 1)
        # Where the map is almost flat, the damping prevents long steps.
        square = across @ slopes + 1e-3 * np.eye(2)
        step = np.linalg.solve(square, across @ missing[..., None])[..., 0]
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        found += step * np.minimum(1, 2 / np.maximum(length, 1e-9))
    return found


def _look_up(maps: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the values (N, 2) of maps (H, W, 2) at xy (N, 2), bilinearly."""
    at = points.astype(np.float32)[:, None]
    return cv2.remap(maps, at, None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)[:, 0]


def _solve(knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the weights (N + 3, 2) of the kernels, and then of 1, x and y."""
    count = len(knots)
    flat = np.column_stack([np.ones(count), knots])
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(knots, knots) + _SMOOTHING * np.eye(count)
    system[:count, count:], system[count:, :count] = flat, flat.T
    return np.linalg.solve(system, np.concatenate([values, np.zeros((3, 2))]))


def _kernel(points: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return r^2 log r^2 (N, M), twice the kernel r^2 log r, of points and knots."""
    squared = (points**2).sum(1)[:, None] + (knots**2).sum(1) - 2 * points @ knots.T
    squared = np.maximum(squared, np.finfo(points.dtype).tiny)
    return squared * np.log(squared)
