"""Crops of the comparison of precisions fit the networks of every shipped model."""

import cv2
import numpy as np
import pytest
from support.layouts import picture, pts, put, shape_at

from benchmarks.accuracy.variants import answers, read_sample
from data_pipeline.datasets.three_hundred_w import list_stills
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import load


@pytest.mark.parametrize("model", ["strrn-fast", "strrn-mdm"])
def test_networks_take_the_crops(model, tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), picture())
    put(tmp_path / "face.pts", pts(shape_at()))
    folder = load(model)
    (still,) = list_stills(tmp_path, "test")
    sample = read_sample(still, folder.crop_size, folder.crop_margin)
    detected, tracked = answers([FaceNetworks(folder)], [sample])
    assert detected.shape == tracked.shape == (1, 1, 68, 2)
    assert np.isfinite([detected, tracked]).all()
    # The face is in the middle of the crop.
    box = np.concatenate([sample.landmarks.min(0), sample.landmarks.max(0)])
    middle = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(middle, (folder.crop_size - 1) / 2, atol=1e-3)
