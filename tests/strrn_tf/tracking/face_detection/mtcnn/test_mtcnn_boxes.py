"""Box arithmetic of the face finder against slow twins and figures by hand."""

import numpy as np
import pytest
from mtcnn.utils.images import build_scale_pyramid

from strrn_tf.geometry import face_size
from strrn_tf.tracking.face_detection.face_boxes import landmark_box
from strrn_tf.tracking.face_detection.mtcnn import boxes as mtcnn_boxes


def random_boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    return np.hstack([corner, corner + rng.uniform(10, 40, (count, 2))])


@pytest.mark.parametrize("smaller", [False, True])
def test_suppression_equals_its_slow_twin(smaller):
    boxes = random_boxes(60)
    scores = np.random.default_rng(1).uniform(size=60)
    kept = []
    for i, box in enumerate(boxes):
        for j, other in enumerate(boxes):
            width = min(box[2], other[2]) - max(box[0], other[0])
            height = min(box[3], other[3]) - max(box[1], other[1])
            shared = max(width, 0.0) * max(height, 0.0)
            a = (box[2] - box[0]) * (box[3] - box[1])
            b = (other[2] - other[0]) * (other[3] - other[1])
            overlap = shared / (min(a, b) if smaller else a + b - shared)
            if scores[j] > scores[i] and overlap > 0.4:
                break
        else:
            kept.append(i)
    assert 5 < len(kept) < 55
    expected = sorted(kept, key=lambda i: -scores[i])
    found = mtcnn_boxes.suppress(boxes, scores, 0.4, smaller=smaller, block=25)
    assert found.tolist() == expected


def test_calibration_and_points_by_hand():
    box = np.array([[10.0, 20.0, 29.0, 59.0]])  # 20 x 40 pixels, counted
    moved = mtcnn_boxes.calibrate(box, np.array([[0.1, -0.1, 0.05, 0.5]]))
    np.testing.assert_allclose(moved, [[12, 16, 30, 79]])
    shares = np.array([[0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0]])
    points = mtcnn_boxes.place_points(box, shares)
    expected = [[9, 59], [14, 49], [19, 39], [24, 29], [29, 19]]
    np.testing.assert_allclose(points, [expected])


def test_squares_keep_centre_and_longer_side():
    boxes = random_boxes(20)
    squares = mtcnn_boxes.square(boxes)
    sides = squares[:, 2:] - squares[:, :2]
    np.testing.assert_allclose(sides[:, 0], sides[:, 1])
    np.testing.assert_allclose(sides[:, 0], face_size(boxes))
    np.testing.assert_allclose(squares.sum(1), boxes.sum(1))


def test_windows_of_a_marked_cell():
    output = np.full((6, 9, 5), -9.0)
    output[4, 7] = [0, 0.5, 0, -1, 3]
    boxes, logits = mtcnn_boxes.window_boxes(output, 0.5, 0.0)
    # Column 7 starts at 2 * 7 + 1 = 15 and ends at 26, row 4 at 9 and 20; over 0.5.
    np.testing.assert_allclose(boxes, [[30, 29, 52, 18]])
    np.testing.assert_allclose(logits, [3])


def test_pyramid_is_the_package_s_and_min_face_drops_rungs():
    for width, height in ((640, 360), (200, 260), (1920, 1080), (41, 60)):
        expected = build_scale_pyramid(width, height, 20, 0.709)
        scales = mtcnn_boxes.pyramid_scales(height, width, 20)
        np.testing.assert_allclose(scales[: len(expected)], expected)
        assert len(scales) - len(expected) in (0, 1)
    assert mtcnn_boxes.pyramid_scales(360, 640, 40) == scales_below(360, 640, 12 / 39)
    assert mtcnn_boxes.pyramid_scales(19, 400, 20) == []


def scales_below(height, width, limit):
    return [s for s in mtcnn_boxes.pyramid_scales(height, width, 20) if s < limit]


def test_patch_equals_its_slow_twin():
    rng = np.random.default_rng(2)
    pixels = rng.uniform(0, 255, (30, 41, 3)).astype(np.float32)
    box, side = np.array([-6.0, 3.0, 30.0, 39.0]), 24
    patch = mtcnn_boxes.cut_patches(pixels, np.array([[9, 9, 20, 20], box]), side)[1]
    inside = 0
    for row, column in np.ndindex(side, side):
        x = (box[0] + (box[2] - box[0]) * column / (side - 1)) * 40 / 41
        y = (box[1] + (box[3] - box[1]) * row / (side - 1)) * 29 / 30
        if x < 0 or y > 29:
            np.testing.assert_array_equal(patch[row, column], 127.5)
        else:
            i, j = int(y), int(x)
            top = (j + 1 - x) * pixels[i, j] + (x - j) * pixels[i, j + 1]
            low = (j + 1 - x) * pixels[i + 1, j] + (x - j) * pixels[i + 1, j + 1]
            expected = (i + 1 - y) * top + (y - i) * low
            np.testing.assert_allclose(patch[row, column], expected, atol=1e-2)
            inside += 1
    assert inside > 200


def test_landmark_boxes():
    box = landmark_box(np.array([100.0, 200.0, 200.0, 400.0]))
    np.testing.assert_allclose(box, [98.6, 249.8, 203.3, 404.4])
    assert landmark_box(np.empty((0, 4))).shape == (0, 4)
    for wrong in ([1, 2, 3], [0, 0, np.nan, 5], [5, 0, 5, 9]):
        with pytest.raises(ValueError, match=r"`mtcnn_box` must be .* Received: "):
            landmark_box(np.array(wrong))
