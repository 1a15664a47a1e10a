"""Drawings and reports: pixels where they belong, figures with the right numbers."""

import io

import cv2
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from strrn_tf.drawing import (
    FAULTY,
    RELIABLE,
    TRUTH,
    UNRELIABLE,
    WHITE,
    reliability_colour,
)
from strrn_tf.evaluation import report
from strrn_tf.evaluation.protocols import Answer
from strrn_tf.evaluation.scoring import FrameResult, frame_table, summarise_results
from strrn_tf.evaluation.worst_frames import TILE, TILE_MARGIN, draw_tile
from strrn_tf.system.atomic import is_temporary


def face(shift=0.0):
    """A shape of distinct points, about 130 px large."""
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    radius = np.linspace(30, 65, 68)
    shape = np.stack([np.cos(angles), np.sin(angles)], -1) * radius[:, None] + 100
    return np.add(shape, [shift, 0]).astype(np.float32)


def result(shift, frame=0, sequence="410", protocol="track", state="tracked"):
    landmarks = np.full((68, 2), np.nan) if state == "lost" else face(shift)
    answer = Answer(landmarks.astype(np.float32), 0.01, state)
    return FrameResult("3", sequence, frame, protocol, answer, face())


GREY = np.full((200, 220, 3), 90, np.uint8)


def is_like(colours, colour):
    """Whether colours (..., 3) are one, or little of the ground is mixed in."""
    return np.abs(np.asarray(colours, int) - colour).max(-1) < 60


def colours_at(image, landmarks):
    """Return the colours (68, 3) of the pixels that landmarks lie in."""
    x, y = np.rint(landmarks).astype(int).T
    return image[y, x]


def extent(image, colour):
    """Return the outermost x, y (2, 2) of the pixels of one colour."""
    there = np.argwhere(is_like(image, colour))[:, ::-1]
    return np.stack([there.min(0), there.max(0)])


def test_drawing_covers_the_shape_and_leaves_the_image_alone():
    drawn = report.draw_landmarks(GREY, face(), colour=(255, 255, 255))
    assert (GREY == 90).all()
    changed = np.argwhere((drawn != 90).any(-1))[:, ::-1]
    np.testing.assert_allclose(changed.min(0), face().min(0), atol=3.5)
    np.testing.assert_allclose(changed.max(0), face().max(0), atol=3.5)


@pytest.mark.parametrize("place", [(150.0, 120.0), (150.5, 120.25), (150.25, 120.75)])
def test_points_are_drawn_at_their_sub_pixel_place(place):
    """The nose bridge is one spot; everything else lies far away.

    OpenCV's lines through the spot cost a quarter pixel; a half would be our mistake.
    """
    landmarks = np.tile([[20.0, 20.0]], (68, 1))
    landmarks[27:31] = place
    drawn = report.draw_landmarks(GREY, landmarks, colour=(255, 255, 255))
    weight = drawn[60:, 60:, 0].astype(float) - 90
    rows, columns = np.indices(weight.shape) + 60
    centre = (weight * columns).sum(), (weight * rows).sum()
    assert np.divide(centre, weight.sum()) == pytest.approx(place, abs=0.3)


def test_reliability_is_red_amber_green():
    assert reliability_colour(0) == UNRELIABLE
    assert reliability_colour(1) == RELIABLE
    red, green, _ = reliability_colour(0.5)
    assert red > 200
    assert green > 150
    for value, expected in ((0.0, UNRELIABLE), (1.0, RELIABLE)):
        drawn = report.draw_landmarks(GREY, face(), value)
        assert is_like(colours_at(drawn, face()), expected).all()


def test_every_point_has_the_colour_of_its_own_reliability():
    per_point = np.arange(68) % 2
    drawn = report.draw_landmarks(GREY, face(), per_point)
    seen = colours_at(drawn, face())
    is_red, is_green = is_like(seen, UNRELIABLE), is_like(seen, RELIABLE)
    np.testing.assert_array_equal(is_green, per_point == 1)
    np.testing.assert_array_equal(is_red, per_point == 0)


def test_points_that_are_missing_are_not_drawn_nor_are_their_lines():
    partial = face()
    partial[[37, 60]] = np.nan
    drawn = report.draw_landmarks(GREY, partial, colour=(255, 255, 255), points=False)
    known = np.isfinite(partial).all(-1)
    whole = report.draw_landmarks(GREY, face(), colour=(255, 255, 255), points=False)
    assert is_like(colours_at(drawn, face())[known], (255, 255, 255)).all()
    # Everything that is drawn lies on what a whole face shows, or on a point.
    points = report.draw_landmarks(GREY, partial, colour=(255, 255, 255))
    assert ((drawn == GREY) | (points != GREY)).all()
    assert (drawn != GREY).sum() != (whole != GREY).sum()


def test_a_lost_face_is_not_drawn_and_wrong_input_is_refused():
    lost = np.full((68, 2), np.nan)
    assert (report.draw_landmarks(GREY, lost) == GREY).all()
    with pytest.raises(ValueError, match="`image` must be"):
        report.draw_landmarks(GREY.astype(np.float32), face())
    with pytest.raises(ValueError, match=r"`landmarks` must be \(68, 2\)"):
        report.draw_landmarks(GREY, face()[:67])


def test_overlay_frame_has_caption_truth_and_the_size_of_the_frame():
    plain = report.overlay_frame(GREY, face())
    both = report.overlay_frame(GREY, face(), true=face(30.0))
    captioned = report.overlay_frame(GREY, face(), true=face(30.0), caption="410")
    assert captioned.shape == GREY.shape
    assert captioned.dtype == np.uint8
    # The truth, 30 px further right and below the landmarks.
    assert extent(both, TRUTH)[1, 0] == pytest.approx(face(30.0)[:, 0].max(), abs=3.5)
    assert not is_like(plain, TRUTH).any()
    np.testing.assert_array_equal(colours_at(both, face()), colours_at(plain, face()))
    # The caption: white on a dark strip at the lower left, and nothing above it.
    changed = np.argwhere((captioned != both).any(-1))
    assert changed[:, 0].min() > 175
    (left, top), (right, _) = extent(captioned, WHITE)
    assert top > 175
    assert 0 < left < right < 60


def test_tile_shows_the_true_face_in_the_middle_and_the_answer_beside_it():
    tile = draw_tile(result(8.0), GREY)
    assert tile.shape == (TILE, TILE, 3)
    shape = face()
    scale = TILE / (TILE_MARGIN * np.ptp(shape, 0).max())
    box = np.stack([shape.min(0), shape.max(0)])
    true = (box - box.mean(0)) * scale + (TILE - 1) / 2
    predicted = np.add(true, [8.0 * scale, 0])
    np.testing.assert_allclose(extent(tile, FAULTY), predicted, atol=3)
    # The right edge of the truth lies below the answer.
    blue = extent(tile, TRUTH)
    np.testing.assert_allclose(blue[0], true[0], atol=3)
    assert blue[1, 0] < predicted[1, 0] - 3
    lost = draw_tile(result(0.0, state="lost"), GREY)
    np.testing.assert_allclose(extent(lost, TRUTH), true, atol=3)
    assert not is_like(lost, FAULTY).any()


def test_worst_frames_keeps_distant_frames_of_a_sequence():
    worst = report.WorstFrames(count=3, per_sequence=2, gap=10)
    shifts = [1, 2, 9, 3, *[1] * 20, 5, *[1] * 20, 4]
    for frame, shift in enumerate(shifts):
        worst(result(float(shift), frame), GREY)
    worst(result(0.5, 0, sequence="411"), GREY)
    assert [(t.sequence, t.frame) for t in worst.tiles()] == [
        *(("410", 2), ("410", 24), ("411", 0))
    ]
    worst(result(8.0, 3, protocol="detect"), GREY)  # the moment of frame 2 again
    assert len({t.protocol for t in worst.tiles()}) == 1
    worst(result(0.0, 7, sequence="412", state="lost"), GREY)
    assert worst.tiles()[0].sequence == "412"


def test_worst_frames_of_many_stills_forget_the_good_ones():
    worst = report.WorstFrames(count=2)
    for number in range(40):
        still = result(float(number % 37), sequence=f"a/{number}.jpg")
        worst(still, GREY)
    assert [t.sequence for t in worst.tiles()] == ["a/36.jpg", "a/35.jpg"]
    assert len(worst) <= 8


def table():
    results = [result(s, i) for i, s in enumerate((1.0, 2.0, 20.0))]
    results.append(result(0.0, 3, state="lost"))
    results += [result(1.0, i, protocol="detect", state="detected") for i in range(4)]
    return results


def test_ced_curves_are_exact():
    results = table()
    frames = frame_table(results)
    axes = report.plot_ced(frames, "title").axes[0]
    assert axes.get_title(loc="left") == "title"
    track, detect = axes.get_lines()[:2]
    x, y = track.get_data()
    errors = frames["nme_interpupil"].to_numpy()[:4]
    within = np.sort(errors[errors <= 10])
    np.testing.assert_allclose(x, [0, *within, 10])
    np.testing.assert_allclose(
        y, [*(25 * np.arange(len(within) + 1)), 25 * len(within)]
    )
    assert track.get_drawstyle() == "steps-post"
    assert detect.get_ydata()[-1] == 100
    assert track.get_linestyle() != detect.get_linestyle()
    summary = summarise_results(results)[0]
    assert f"{summary['nme_interpupil']:.2f} %" in track.get_label()
    assert f"{100 * summary['auc_008']:.1f} %" in track.get_label()


def test_figures_can_be_saved_also_of_nothing(tmp_path):
    lost = frame_table([result(0.0, state="lost")])
    report.plot_ced(lost, "all lost").savefig(tmp_path / "ced.png")
    report.plot_worst([]).savefig(tmp_path / "worst.png")
    assert cv2.imread(str(tmp_path / "ced.png")) is not None
    assert cv2.imread(str(tmp_path / "worst.png")) is not None


def test_metrics_table_fits_80_columns():
    summaries = summarise_results(
        [r._replace(protocol="track-redetect") for r in table()]
    )
    for row in summaries:
        row["frames"] = 62_135
    text = io.StringIO()
    Console(file=text, width=80).print(report.metrics_table(summaries, "300VW"))
    assert "track-redetect" in text.getvalue()
    assert "62,135" in text.getvalue()
    assert "…" not in text.getvalue()


def test_what_lost_frames_cost_is_printed_of_live_alone(capsys):
    found = table()
    lost = result(0.0, state="lost")._replace(frame=1)
    for protocol, times in (("live", 1), ("track", 0)):
        rows = [r._replace(protocol=protocol) for r in (found[0], lost)]
        summaries = summarise_results(rows)
        report.show_metrics(summaries, "Clips")
        text = capsys.readouterr().out
        assert text.count("lost frames counted") == times
        counted = (
            f"live, lost frames counted: NME {summaries[0]['nme_interpupil_held']:.2f}"
        )
        assert text.count(counted) == times


class Watching(report.WorstFrames):
    """Notes what lies in a folder while a report is written."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def tiles(self):
        self.seen = [p for p in self.folder.iterdir() if p.name[0] == "."]
        return super().tiles()


def test_what_a_killed_process_leaves_of_a_report_is_known_as_such(tmp_path):
    worst = Watching(tmp_path)
    worst(table()[0], GREY)
    report.write_report(tmp_path, "t", {}, table(), worst)
    assert worst.seen
    assert all(map(is_temporary, worst.seen))


def test_write_report(tmp_path):
    worst = report.WorstFrames()
    results = table()
    for one in results:
        worst(one, GREY)
    report.write_report(tmp_path / "a" / "b", "t", {"model": "m"}, results, worst)
    frames = pd.read_csv(tmp_path / "a" / "b" / "frames.csv")
    assert frames["nme_interpupil"].iloc[3] == np.inf
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == [
        *("ced.png", "frames.csv", "metrics.json", "worst.png")
    ]
