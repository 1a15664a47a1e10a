"""The bricks: convolution, pooling, dense layer, normalisation."""

import numpy as np


def relu(x):
    return np.where(x > 0, x, 0.0)


def dense(x, kernel, bias):
    return x @ kernel + bias


def conv2d(image, kernel, bias=None, stride=1, padding="valid"):
    """(H, W, C), (k, k, C, D) -> (h, w, D); "same" as TensorFlow pads it."""
    size, _, _, depth = kernel.shape
    if padding == "same":
        image = np.pad(
            image, (*(_same(n, size, stride) for n in image.shape[:2]), (0, 0))
        )
    height = (image.shape[0] - size) // stride + 1
    width = (image.shape[1] - size) // stride + 1
    out = np.zeros((height, width, depth))
    for i in range(height):
        for j in range(width):
            window = image[
                i * stride : i * stride + size, j * stride : j * stride + size
            ]
            for d in range(depth):
                out[i, j, d] = (window * kernel[..., d]).sum()
    return out if bias is None else out + bias


def _same(length, size, stride):
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + size - length, 0)
    return total // 2, total - total // 2


def max_pool(image):
    """2x2 maximum; an odd last row or column is dropped."""
    height, width, depth = image.shape[0] // 2, image.shape[1] // 2, image.shape[2]
    out = np.zeros((height, width, depth))
    for i in range(height):
        for j in range(width):
            out[i, j] = image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max((0, 1))
    return out


def average_pool(image, size=2):
    """Means of cells; a last row or column that fills none is dropped."""
    height, width = image.shape[0] // size, image.shape[1] // size
    out = np.zeros((height, width, image.shape[2]))
    for i in range(height):
        for j in range(width):
            cell = image[size * i : size * (i + 1), size * j : size * (j + 1)]
            out[i, j] = cell.mean((0, 1))
    return out


def enlarge(image):
    """Every cell becomes 2x2 equal cells."""
    out = np.zeros((2 * image.shape[0], 2 * image.shape[1], image.shape[2]))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = image[i // 2, j // 2]
    return out


def resize(image, size):
    """Bilinear, x -> (x + 0.5) * scale - 0.5, the border repeated."""
    height, width, depth = image.shape
    out = np.zeros((size, size, depth))
    for i in range(size):
        for j in range(size):
            y = (i + 0.5) * height / size - 0.5
            x = (j + 0.5) * width / size - 0.5
            out[i, j] = bilinear(image, x, y)
    return out


def bilinear(image, x, y):
    """Value (C,) at a point; outside, the border pixel is repeated."""
    height, width, _ = image.shape
    left, top = int(np.floor(x)), int(np.floor(y))
    value = np.zeros(image.shape[2])
    for row in (top, top + 1):
        for column in (left, left + 1):
            weight = (1 - abs(x - column)) * (1 - abs(y - row))
            inside = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
            value += weight * image[inside]
    return value


def batch_norm(x, norm, epsilon=1e-3):
    """``norm``: gamma, beta, mean, variance."""
    gamma, beta, mean, variance = norm
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def layer_norm(rows, gamma, beta, epsilon=1e-3):
    """(B, D): every row to mean 0 and variance 1."""
    out = np.zeros_like(rows)
    for b, row in enumerate(rows):
        out[b] = (row - row.mean()) / np.sqrt(row.var() + epsilon) * gamma + beta
    return out
