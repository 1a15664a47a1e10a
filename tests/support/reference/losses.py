"""Twins of `strrn_tf.training.losses`, for one shape (L, 2) at a time."""

import math

import numpy as np


def eye_distance(shape):
    """Distance of the outer eye corners, at least 0.4 of the face size."""
    between = math.dist(shape[36], shape[45])
    return max(between, 0.4 * max(np.ptp(shape[:, 0]), np.ptp(shape[:, 1])))


def point_error(shape, reference):
    distances = [math.dist(a, b) for a, b in zip(shape, reference, strict=True)]
    return sum(distances) / len(distances) / eye_distance(reference)


def cycle_loss(returned, start):
    squares = [math.dist(a, b) ** 2 for a, b in zip(returned, start, strict=True)]
    return sum(squares) / len(squares) / eye_distance(start) ** 2


def wing(shape, reference, width, curvature):
    total = 0.0
    for value, truth in zip(np.ravel(shape), np.ravel(reference), strict=True):
        error = abs(value - truth)
        if error < width:
            total += width * math.log(1 + error / curvature)
        else:
            total += error - (width - width * math.log(1 + width / curvature))
    return total / np.size(shape)


def registration(detected, forward, backward, kept, pixel):
    """SBR on one batch, point by point."""
    total, count = 0.0, 0
    for points in zip(detected, forward, backward, kept, strict=True):
        for point, ahead, behind, is_kept in zip(*points, strict=True):
            if is_kept:
                total += (math.dist(point, ahead) + math.dist(point, behind)) / pixel
                count += 1
    return total / count if count else 0.0
