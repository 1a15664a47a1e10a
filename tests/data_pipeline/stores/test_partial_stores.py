"""From files with missing points to stores and shards, and back."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.faces import drawn_face
from support.layouts import picture, pts

from data_pipeline.annotations.annotation import Annotation
from data_pipeline.annotations.whole_head import whole_shape
from data_pipeline.media.images import write_image
from data_pipeline.stores.inputs import read_stills
from data_pipeline.stores.store import CropStore
from strrn_tf.commands.cli import main
from strrn_tf.geometry import apply_matrix, box_from_landmarks, crop_matrix, mean_shape

FACE = drawn_face()
MISSING = np.arange(68) % 3 == 0
OUTSIDE = np.add(FACE, (900, 0))


def put(root, name, text):
    write_image(root / f"{name}.jpg", picture(height=280, width=320))
    (root / f"{name}.pts").write_text(text)


@pytest.fixture
def root(tmp_path):
    lines = pts(FACE).decode().splitlines()
    for point in np.flatnonzero(MISSING):
        lines[3 + point] = "0.0 0.0"
    folder = tmp_path / "stills"
    put(folder, "whole", pts(FACE).decode())
    put(folder, "partial", "\n".join(lines) + "\n")
    put(folder, "outside", pts(OUTSIDE).decode())
    put(folder, "commas", pts(FACE).decode().replace(".", ","))
    return folder


def check(store):
    """Check the two stills of the store against the file."""
    order = [Path(name).stem for name in store.names]
    assert sorted(order) == ["partial", "whole"]
    partial, whole = order.index("partial"), order.index("whole")
    np.testing.assert_array_equal(
        np.isnan(store.landmarks[partial, 0]).all(-1), MISSING
    )
    assert np.isfinite(store.landmarks[whole]).all()
    assert np.isfinite(store.whole).all()
    shape = np.where(MISSING[:, None], np.nan, FACE).astype(np.float32)
    fitted = whole_shape(Annotation(shape))
    matrix = crop_matrix(box_from_landmarks(fitted), 385, 1.6 * 385 / 315)
    np.testing.assert_allclose(store.matrix[partial], matrix, atol=1e-2)
    moved = apply_matrix(store.matrix[partial], fitted)
    np.testing.assert_allclose(store.whole[partial, 0], moved, atol=0.02)
    known = store.landmarks[partial, 0][~MISSING]
    np.testing.assert_array_equal(known, store.whole[partial, 0][~MISSING])


def test_a_store_keeps_missing_points_and_the_fitted_head(root, tmp_path, capsys):
    store = read_stills(root, tmp_path / "cache")
    check(store)
    check(CropStore.open(store.folder))
    text = capsys.readouterr().err
    rule = "a landmark must be two numbers, x and y. Received: '"
    assert f"1 of 4 stills left out: commas.jpg: commas.pts, line 4: {rule}" in text
    assert "1 of 4 stills left out: outside.jpg: outside.pts: three quarters" in text
    assert "Received: 0 of 68 in a picture of 320 x 280" in text
    lacking = "23 of 68 points are not annotated: `0.0 0.0`, from line 4"
    remark = f"partial.jpg: partial.pts: {lacking}"
    assert f"1 of 2 stills are annotated in part: {remark}" in text


def test_shards_keep_both_too(root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", "stills", str(root), "--workers", "1"]) == 0
    shown = capsys.readouterr().err
    lacking = "23 of 68 points are not annotated: `0.0 0.0`, from line 4"
    remark = f"partial.jpg: partial.pts: {lacking}"
    report = json.loads(Path("prepared/stills/report.json").read_text())
    listed = {f"{f['where']}: {f['what']}" for f in report["findings"]}
    assert remark in listed
    assert f"differs: {remark}" in shown
    assert any("commas.pts, line 4: a landmark must be two" in line for line in listed)
    problems = [p for s in report["by_source"].values() for p in s["problems"]]
    assert len(problems) == 1
    assert "outside.pts: three quarters" in problems[0]
    assert "problem: " in shown
    check(read_stills(Path("prepared/stills"), tmp_path / "cache"))
    assert "45 of 68 points are there" in capsys.readouterr().err
    with pytest.raises(ValueError, match="belong to strrn prepare"):
        read_stills(Path("prepared/stills"), tmp_path / "cache", mark="-9")


def test_stores_of_whole_stills_stay_as_they_were(root, tmp_path):
    for name in ("partial", "outside", "commas"):
        (root / f"{name}.pts").unlink()
    store = read_stills(root, tmp_path / "cache")
    with np.load(store.folder / "samples.npz") as samples:
        assert sorted(samples) == ["landmarks", "matrix"]
    assert store.whole is store.landmarks


def test_the_mean_shape_is_that_of_the_points_that_there_are():
    shapes = np.stack([FACE, FACE * 2, FACE]).astype(np.float64)
    shapes[2, 5] += 6
    partial = shapes.copy()
    partial[:2, 9] = partial[:, 20] = np.nan
    found = mean_shape(partial, shapes)
    boxes = [crop_matrix(box_from_landmarks(s)) for s in shapes]
    moved = np.stack([apply_matrix(m, s) for m, s in zip(boxes, shapes, strict=True)])
    np.testing.assert_allclose(found[9], moved[2, 9], rtol=1e-6)
    for point in (5, 20):  # nobody annotated point 20, so that all heads say where
        np.testing.assert_allclose(found[point], moved[:, point].mean(0), rtol=1e-6)
    np.testing.assert_allclose(mean_shape(shapes), moved.mean(0), rtol=1e-6)
