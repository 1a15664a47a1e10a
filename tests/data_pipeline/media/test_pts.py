"""Landmark files: forms that exist, files that are broken, the round trip."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_pipeline.media.pts import read_pts, write_pts

# Landmark i at (10 + i, 20.5 + 2 i) in the file's own, 1-based pixels.
ROWS = [f"{10 + i}.000 {20.5 + 2 * i:.3f}" for i in range(68)]
EXPECTED = np.array([(9 + i, 19.5 + 2 * i) for i in range(68)])
PUBLISHED = ["version: 1", "n_points: 68", "{", *ROWS, "}"]


def write_lines(path, lines, end="\n"):
    path.write_bytes(end.join(lines).encode() + end.encode())
    return path


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        pytest.param(PUBLISHED, "\n", id="published"),
        pytest.param(PUBLISHED, "\r\n", id="crlf"),
        pytest.param(["version: 1", "n_points:  68", *PUBLISHED[2:]], "\n", id="ibug"),
        pytest.param(PUBLISHED[2:], "\n", id="braces only"),
        pytest.param(ROWS, "\n", id="rows only"),
        pytest.param([*PUBLISHED, "", " ", ""], "\n", id="trailing blank lines"),
        pytest.param([line + "  " for line in PUBLISHED], "\n", id="trailing spaces"),
        pytest.param(["\ufeff" + PUBLISHED[0], *PUBLISHED[1:]], "\n", id="bom"),
    ],
)
def test_reads_all_forms_as_0_based(tmp_path, lines, end):
    landmarks = read_pts(write_lines(tmp_path / "a.pts", lines, end))
    assert landmarks.dtype == np.float32
    np.testing.assert_allclose(landmarks, EXPECTED, atol=1e-5)


def with_row(number, text):
    """Replace landmark ``number``; it stands in line number + 4 of the file."""
    return [*PUBLISHED[: number + 3], text, *PUBLISHED[number + 4 :]]


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        pytest.param([*PUBLISHED[:-2], "}"], 70, "67 landmarks", id="67"),
        pytest.param([*PUBLISHED[:-1], "1 2", "}"], 72, "69 landmarks", id="69"),
        pytest.param(["n_points: 9999999", *PUBLISHED[2:]], 1, "9999999", id="absurd"),
        pytest.param(["n_points: many", *PUBLISHED[2:]], 1, "many", id="no number"),
        pytest.param(with_row(5, "nan 3.0"), 9, "nan", id="nan"),
        pytest.param(with_row(5, "3.0 inf"), 9, "inf", id="inf"),
        pytest.param(with_row(7, "1e30 3"), 11, "1e30", id="far out"),
        pytest.param(with_row(0, "3.0"), 4, "two numbers", id="one number"),
        pytest.param(with_row(0, "3.0 4.0 5.0"), 4, "two numbers", id="three numbers"),
        pytest.param(with_row(67, "left eye"), 71, "left eye", id="text"),
        pytest.param(PUBLISHED[:-1], 71, "cut off", id="no closing brace"),
        pytest.param(PUBLISHED[:40], 40, "cut off", id="half a file"),
        pytest.param([*PUBLISHED[:2], *ROWS], 3, "`{`", id="no braces"),
        pytest.param(PUBLISHED[:2], 2, "`{`", id="header only"),
        pytest.param([*PUBLISHED[:3], "}"], 4, "0 landmarks", id="no landmark"),
    ],
)
def test_broken_file_is_named_with_its_line(tmp_path, lines, line, words):
    path = write_lines(tmp_path / "broken.pts", lines)
    with pytest.raises(ValueError, match=r"broken\.pts") as error:
        read_pts(path)
    assert f"line {line}:" in str(error.value)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xff\xd8\xff\xe0 jpeg"])
def test_empty_and_binary_files_are_named(tmp_path, content):
    path = tmp_path / "odd.pts"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"odd\.pts"):
        read_pts(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.pts.*No such file"):
        read_pts(tmp_path / "gone.pts")


coordinates = st.floats(-5000, 5000, width=32)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(coordinates, coordinates), min_size=68, max_size=68))
def test_round_trip_keeps_half_a_thousandth(tmp_path, points):
    landmarks = np.array(points, np.float32)
    path = tmp_path / "round.pts"
    write_pts(path, landmarks)
    # 0.0005 of rounding, plus what float32 keeps of numbers up to 5,001.
    np.testing.assert_allclose(read_pts(path), landmarks, atol=0.0005 + 5e-4, rtol=0)


def test_writes_the_published_form(tmp_path):
    path = tmp_path / "new" / "a.pts"
    write_pts(path, EXPECTED)
    assert path.read_text().splitlines() == PUBLISHED
    assert [p.name for p in path.parent.iterdir()] == ["a.pts"]


@pytest.mark.parametrize(
    ("landmarks", "words"),
    [
        (np.zeros((67, 2)), r"\(67, 2\)"),
        (np.full((68, 2), np.nan), "finite"),
        (np.full((68, 2), 1e9), "finite"),
    ],
)
def test_refuses_to_write_nonsense_and_keeps_the_old_file(tmp_path, landmarks, words):
    path = tmp_path / "a.pts"
    write_pts(path, EXPECTED)
    with pytest.raises(ValueError, match=words):
        write_pts(path, landmarks)
    np.testing.assert_allclose(read_pts(path), EXPECTED, atol=1e-5)
