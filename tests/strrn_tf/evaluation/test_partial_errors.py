"""Errors of shapes that are annotated in part: those of their points."""

import json

import numpy as np
import pytest
from support.faces import drawn_face
from support.layouts import picture

from data_pipeline.annotations.annotation import Annotation, Mean
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.media.images import write_image
from strrn_tf.commands import evaluate
from strrn_tf.evaluation import metrics, scoring
from strrn_tf.evaluation.scoring import LabelledFrame, LabelledStill
from strrn_tf.geometry import box_from_landmarks
from strrn_tf.landmarks import REGIONS

FACE = drawn_face()
KNOWN = np.arange(68) % 2 == 0
EYES = REGIONS["left_eye"], REGIONS["right_eye"]


def test_the_error_is_the_mean_over_the_points_that_there_are():
    rng = np.random.default_rng(0)
    predicted = FACE + rng.normal(0, 3, (68, 2))
    true = np.where(KNOWN[:, None], FACE, np.nan)
    for name, normaliser in metrics.NORMALISERS.items():
        distances = np.linalg.norm(predicted - FACE, axis=-1)[KNOWN]
        expected = 100 * distances.mean() / normaliser(FACE)
        received = metrics.nme(predicted, true, name, FACE)
        np.testing.assert_allclose(received, expected, rtol=1e-12)
    moved = predicted.copy()
    moved[~KNOWN] += 1000
    both = [metrics.nme(p, true, "interpupil", FACE) for p in (predicted, moved)]
    assert both[0] == both[1]


def test_whole_shapes_have_the_error_that_they_had():
    predicted = FACE + np.random.default_rng(1).normal(0, 3, (68, 2))
    expected = np.linalg.norm(predicted - FACE, axis=-1).mean()
    np.testing.assert_allclose(metrics.point_error(predicted, FACE), expected)


def test_without_eyes_and_without_a_whole_shape_there_is_no_error():
    true = FACE.copy()
    true[36] = np.nan
    with pytest.raises(ValueError, match="positive interocular distance"):
        metrics.nme(FACE, true, "interocular")
    assert metrics.nme(FACE, true, "interocular", FACE) == 0
    with pytest.raises(ValueError, match="must have a point"):
        metrics.nme(FACE, np.full((68, 2), np.nan), "interocular", FACE)


def test_jitter_of_the_points_that_there_are():
    rng = np.random.default_rng(2)
    true = np.repeat(FACE[None], 5, 0)
    predicted = true + rng.normal(0, 1, true.shape)
    partial = true.copy()
    partial[:, ~KNOWN] = np.nan
    received = metrics.jitter_terms(predicted, partial, whole=true)
    alone = metrics.jitter_terms(predicted, true, points=np.flatnonzero(KNOWN))
    np.testing.assert_allclose(received, alone)
    predicted[2] = np.nan
    assert not len(metrics.jitter_terms(predicted, partial, whole=true))


def still(**more):
    image = np.zeros((280, 320, 3), np.uint8)
    true = np.where(KNOWN[:, None], FACE, np.nan).astype(np.float32)
    whole = whole_shape(Annotation(true))
    return LabelledStill("a.jpg", image, true, "group", whole, **more)


def test_stills_are_detected_in_the_box_of_the_fitted_head():
    boxes = []

    def align(image, box):
        boxes.append(box)
        return np.add(FACE, (3, 4))

    one = still()
    (result,) = scoring.evaluate_stills(align, [one])
    np.testing.assert_array_equal(boxes, [box_from_landmarks(one.whole)])
    expected = 500 / metrics.interpupil(one.whole)
    assert result.nme_interpupil == pytest.approx(expected)
    (row,) = scoring.summarise_results([result])
    assert row["nme_interpupil"] == pytest.approx(expected)


def test_a_mean_is_compared_with_the_mean_of_the_answer():
    places = [tuple(np.add(FACE[list(eye)].mean(0), (6, 8)).tolist()) for eye in EYES]
    means = tuple(map(Mean, EYES, places))
    true = np.full((68, 2), np.nan, np.float32)
    true[[30, 48, 54]] = FACE[[30, 48, 54]]
    whole = whole_shape(Annotation(true, means))
    image = np.zeros((280, 320, 3), np.uint8)
    one = LabelledStill("a.jpg", image, true, "group", whole, means)
    (result,) = scoring.evaluate_stills(lambda image, box: FACE, [one])
    # Two of five places are 10 pixels off.
    expected = 100 * 4 / metrics.interpupil(whole)
    assert result.nme_interpupil == pytest.approx(expected, rel=1e-5)
    scattered = FACE.copy()
    scattered[[36, 37]] += [[5, 5], [-5, -5]]  # the mean stays
    (other,) = scoring.evaluate_stills(lambda image, box: scattered, [one])
    assert other.nme_interpupil == pytest.approx(expected, rel=1e-5)


class Tracker:
    """Answers what is true, moved by (3, 4)."""

    def align(self, image, box):
        return np.add(FACE, (3, 4)).astype(np.float32)

    def step(self, previous_frame, frame, previous_landmarks):
        return np.add(FACE, (3, 4)).astype(np.float32), 0.0


def test_frames_of_a_sequence_may_lack_points():
    one = still()
    frames = [LabelledFrame(k, one.image, one.landmarks, one.whole) for k in range(3)]
    results = scoring.evaluate_sequence(
        Tracker(), frames, group="1", sequence="001", protocols=["detect", "track"]
    )
    assert len(results) == 6
    expected = 500 / metrics.interpupil(one.whole)
    for result in results:
        assert result.nme_interpupil == pytest.approx(expected)
    assert [row["jitter"] for row in scoring.summarise_results(results)] == [0, 0]


def test_the_command_takes_a_mapping(tmp_path, capsys):
    """Two stills of three points each: one of them lies outside its picture."""
    points = FACE[[36, 45, 8]] + 1
    for name, shift in (("a", 0), ("b", 2000)):
        write_image(tmp_path / f"{name}.jpg", picture(height=280, width=320))
        rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in points + shift)
        (tmp_path / f"{name}.pts").write_text(f"{{\n{rows}\n}}\n")
    mapping = tmp_path / "own.json"
    markup = {"to_ibug68": {"0": 36, "1": 45, "2": 8}, "points": 3}
    mapping.write_text(json.dumps(markup))
    argv = ["--dataset", "300w", "--data-root", str(tmp_path), "--model", "m"]
    argv += ["--output", str(tmp_path / "out"), "--mapping", str(mapping)]
    assert evaluate.main(argv, lambda name: Tracker()) == 0
    assert "Annotated stills, m" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert "lack points" in str(report)
    assert "b.jpg: left out" in str(report)
    assert "of 3 in a picture of 320 x 280" in str(report)
    assert evaluate.main(["--mapping", str(mapping)], lambda name: Tracker()) == 2
    assert "--mapping and --missing-mark are for stills" in capsys.readouterr().err
