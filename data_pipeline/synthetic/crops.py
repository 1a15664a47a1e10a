"""Crops of synthetic faces, as networks take them."""

import numpy as np

from data_pipeline.synthetic.pictures import draw_face
from strrn_tf.geometry import box_from_landmarks, crop_matrix
from strrn_tf.tracking.networks.crop import cut, to_network

SEED = 0


def draw_crops(count: int) -> np.ndarray:
    """Return crops (count, 315, 315, 3) float32 in [0, 1] of synthetic faces."""
    crops = []
    for number in range(count):
        image, landmarks = draw_face(np.random.default_rng((SEED, number)), None)
        matrix = crop_matrix(box_from_landmarks(landmarks))
        crops.append(to_network(cut(image, matrix)))
    return np.concatenate(crops)
