"""``strrn annotate``: what is accepted, the files, starting again."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.faces import drawn_face

from data_pipeline.datasets.three_hundred_w import list_stills
from data_pipeline.media.pts import read_pts
from data_pipeline.media.video import write_video
from data_pipeline.synthetic import draw_clip
from strrn_tf.commands.annotate import command
from strrn_tf.commands.annotate.command import annotate_clip, is_wanted
from strrn_tf.commands.annotate.criteria import (
    VERDICTS,
    Criteria,
    RatedFace,
    VerdictCounts,
    judge,
)
from strrn_tf.commands.annotate.folder import report_path
from strrn_tf.commands.annotate.output import refuse_foreign
from strrn_tf.commands.annotate.report import headline
from strrn_tf.commands.cli import main
from strrn_tf.system.locking import exclusive_lock
from strrn_tf.tracking.face import Face

SHAPE = drawn_face()
EYES = np.linalg.norm(SHAPE[45] - SHAPE[36])


def face(state="tracked", error=0.001, shift=0.0, number=0, disagreement=0.0):
    landmarks = SHAPE + np.float32(shift * EYES)
    box = np.array([0, 0, 1, 1.0])
    return Face(number, landmarks, box, 1.0, error, state, None, disagreement)


class Scripted:
    """Says what a test has written down."""

    def __init__(self, script):
        self.script = iter(script)

    def update(self, frame, timestamp):
        return next(self.script)


def verdicts(script, **criteria):
    frames = [SimpleNamespace(index=i, timestamp=i / 25, image=None)
              for i in range(len(script))]  # fmt: skip
    tracker = Scripted(script)
    return [j.verdict for j in judge(frames, tracker, Criteria(**criteria))]


class TestJudge:
    def test_only_what_comes_back_is_accepted(self):
        script = [
            [face("detected", np.nan)],
            [face(error=0.019)],
            [face("lost", np.nan)],
        ]
        assert verdicts(script) == ["unchecked", "accepted", "lost"]
        assert (
            verdicts([[face(error=0.021)], [face(error=np.nan)]]) == ["unreliable"] * 2
        )
        assert verdicts([[face(error=0.021)]], max_cycle_error=0.03) == ["accepted"]

    def test_the_detector_has_to_see_the_same(self):
        assert verdicts([[face(disagreement=0.05)]]) == ["accepted"]
        assert verdicts([[face(disagreement=0.07)]]) == ["unreliable"]
        assert verdicts([[face(disagreement=np.nan)]]) == ["unreliable"]

    def test_repetitions_are_passed_over_for_every_face(self):
        still = [[face()], [face(shift=0.05)], [face(shift=0.1)], [face(shift=0.15)]]
        assert verdicts(still) == ["accepted", "repeated", "accepted", "repeated"]
        two = [[face(number=0), face(number=1)], [face(number=0), face(number=1)]]
        assert verdicts(two) == ["accepted", "accepted", "repeated", "repeated"]
        assert verdicts(still, min_change=0.0) == ["accepted"] * 4

    def test_what_was_not_believed_is_no_reference(self):
        script = [[face()], [face(shift=0.2, error=0.5)], [face(shift=0.21)]]
        assert verdicts(script) == ["accepted", "unreliable", "accepted"]

    def test_criteria_are_checked(self):
        for wrong in ({"max_cycle_error": 0.0}, {"min_change": -1.0}):
            with pytest.raises(ValueError, match="must be positive"):
                Criteria(**wrong)


def judged(seconds, verdict="unreliable", error=0.03):
    frame = SimpleNamespace(index=round(25 * seconds), timestamp=seconds, image=None)
    return RatedFace(frame, face(error=error), verdict)


def test_verdict_counts_count_frames_faces_and_errors():
    counts = VerdictCounts()
    for one in (judged(0), judged(0, "accepted", 0.001), judged(1, "lost", np.nan)):
        counts.add(one)
    counts.add(judged(2, error=7.0))
    report = counts.report()
    assert report["frames_with_face"] == 2
    assert report["verdicts"] == {"accepted": 1, "unreliable": 2, "unchecked": 0,
                                  "repeated": 0, "lost": 1}  # fmt: skip
    bins = report["cycle_error"]
    assert (sum(bins), bins[0], bins[-1]) == (3, 1, 1)
    assert report["reliability"]["unreliable"][-1] == 2


def test_faces_that_were_not_believed_are_kept_apart():
    kept = []
    for i in range(200):
        if is_wanted(judged(i / 10), kept):
            kept.append(i / 10)
    assert kept == [0, 1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for seed in range(2):
        clip = [image for image, _ in draw_clip(np.random.default_rng(seed), 1, 8)]
        write_video(folder / f"Gespräch {seed}.mp4", clip, 25)
    (folder / "empty.mp4").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def annotated(videos, tmp_path_factory):
    output = tmp_path_factory.mktemp("annotated") / "set"
    # What the networks say of synthetic faces is not the question here.
    assert main(arguments(videos, output)) == 0
    return output


def arguments(videos, output, *more):
    loose = ["--max-cycle-error", "9", "--max-disagreement", "9", "--min-change", "0"]
    return ["annotate", str(videos), "--output", str(output), "--workers", "1", *loose,
            *more]  # fmt: skip


def content(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def frames_of(output, name):
    """Return the numbers of the frames of a video that have become annotations."""
    parts = [p.stem.rsplit("-", 2) for p in (output / "annotations").glob("*.pts")]
    return sorted(int(frame) for video, frame, _ in parts if video == name)


class TestCommand:
    def test_annotations_are_stills_to_train_on(self, annotated):
        stills = list_stills(annotated / "annotations")
        report = json.loads((annotated / "report.json").read_text())
        assert not stills.problems
        assert len(stills) == report["faces"]["accepted"] >= 10
        for still in stills:
            landmarks = read_pts(still.landmarks_path)
            # The face is the middle half of its crop.
            assert 0.4 < np.ptp(landmarks, 0).max() / (2 * landmarks.mean()) < 0.65
        assert (annotated / "report.png").stat().st_size > 10_000

    def test_every_face_is_counted_and_bad_videos_named(
        self, annotated, videos, capsys
    ):
        report = json.loads((annotated / "report.json").read_text())
        assert list(report["faces"]) == list(VERDICTS)
        assert sum(report["faces"].values()) >= 14
        assert "problem" in report["videos"][f"{videos.name}/empty.mp4"]
        assert main(arguments(videos, annotated)) == 0
        captured = capsys.readouterr()
        # What cannot be read is tried again.
        assert "3 videos, 2 of them done before" in captured.out
        assert captured.err.startswith(f"{videos.name}/empty.mp4: ")

    def test_a_list_is_made_of_what_is_done(self, annotated, videos, capsys):
        before = content(annotated)
        assert main(arguments(videos, annotated, "--format", "coco", "--pose")) == 0
        assert "3 videos, 2 of them done before" in capsys.readouterr().out
        path = annotated / "annotations-coco.json"
        made = json.loads(path.read_text())
        path.unlink()
        assert content(annotated) == before
        assert len(made["annotations"]) == len(list_stills(annotated / "annotations"))
        assert all(abs(one["yaw"]) < 60 for one in made["annotations"])
        assert all(0 <= one["score"] <= 1 for one in made["annotations"])

    def test_goes_on_where_it_stopped(self, annotated, videos):
        path = next((annotated / "annotations").glob("*.jpg"))
        before = path.read_bytes()
        path.unlink()
        for report in (annotated / "videos").glob("*Gespr*.json"):
            report.unlink()
        assert main(arguments(videos, annotated)) == 0
        assert path.read_bytes() == before

    def test_a_signal_leaves_the_report_of_the_videos_that_are_done(
        self, annotated, videos, tmp_path, monkeypatch, capsys
    ):
        names = []

        def stopped(clip, *arguments, **options):
            names.append(clip)
            if len(names) == 2:
                signal.raise_signal(signal.SIGTERM)
            annotate_clip(clip, *arguments, **options)

        output = tmp_path / "set"
        monkeypatch.setattr(command, "annotate_clip", stopped)
        words = arguments(videos, output, "--format", "coco")
        assert main(words) == 143
        assert "2 of 3 videos are left: run the same command" in capsys.readouterr().out
        report = json.loads((output / "report.json").read_text())
        assert list(report["videos"]) == names[:1]
        assert (output / "report.png").is_file()
        listed = json.loads((output / "annotations-coco.json").read_text())
        assert len(listed["images"]) == report["faces"]["accepted"]
        monkeypatch.undo()
        assert main(words) == 0
        assert "3 videos, 1 of them done before" in capsys.readouterr().out
        for name in ("annotations", "rejected", "videos"):
            found = [
                {p.name: data for p, data in content(root / name).items()}
                for root in (output, annotated)
            ]
            assert found[0] == found[1]

    def test_every_report_is_read_once_and_a_damaged_one_is_made_anew(
        self, annotated, videos, monkeypatch, capsys
    ):
        before = content(annotated)
        read = []
        read_text = Path.read_text
        with monkeypatch.context() as context:
            context.setattr(
                Path, "read_text", lambda p, *a, **k: read.append(p) or read_text(p)
            )
            assert main(arguments(videos, annotated)) == 0
        folder = annotated / "videos"
        done = sorted(p for p in read if p.parent == folder and "Gespr" in p.name)
        assert done == sorted(folder.glob("*Gespr*.json"))
        next(folder.glob("*Gespr*.json")).write_text("{")
        assert main(arguments(videos, annotated)) == 0
        assert "3 videos, 1 of them done before" in capsys.readouterr().out
        assert content(annotated) == before

    def test_a_video_that_has_changed_is_annotated_anew(self, tmp_path, capsys):
        images = [image for image, _ in draw_clip(np.random.default_rng(0), 1, 6)]
        folder, output = tmp_path / "videos", tmp_path / "out"
        folder.mkdir()
        write_video(folder / "talk.mp4", images, 25)
        write_video(folder / "talk.mp4-000001-0.mp4", images[:2], 25)
        assert main(arguments(folder, output)) == 0
        assert max(frames_of(output, "videos__talk.mp4")) >= 4
        beside = frames_of(output, "videos__talk.mp4-000001-0.mp4")
        write_video(folder / "talk.mp4", images[:3], 25)
        assert main(arguments(folder, output)) == 0
        assert "2 videos, 1 of them done before" in capsys.readouterr().out
        assert max(frames_of(output, "videos__talk.mp4")) <= 2
        assert frames_of(output, "videos__talk.mp4-000001-0.mp4") == beside

    def test_one_more_folder_annotates_no_video_twice(self, tmp_path, capsys):
        for seed, name in enumerate(("one", "two")):
            images = [
                image for image, _ in draw_clip(np.random.default_rng(seed), 1, 2)
            ]
            (tmp_path / name).mkdir()
            write_video(tmp_path / name / "talk.mp4", images, 25)
        output = tmp_path / "out"
        assert main(arguments(tmp_path / "one", output)) == 0
        before = frames_of(output, "one__talk.mp4")
        assert before
        command, one, *rest = arguments(tmp_path / "one", output)
        assert main([command, one, str(tmp_path / "two"), *rest]) == 0
        assert "2 videos, 1 of them done before" in capsys.readouterr().out
        assert frames_of(output, "one__talk.mp4") == before
        assert len(list_stills(output / "annotations")) == len(before) + len(
            frames_of(output, "two__talk.mp4")
        )

    def test_what_a_killed_process_was_writing_is_removed(self, annotated, videos):
        before = content(annotated)
        (annotated / "annotations" / ".123.tmp.a.jpg").write_bytes(b"")
        (annotated / ".123.tmp.annotations.json").write_bytes(b"{")
        assert main(arguments(videos, annotated)) == 0
        assert content(annotated) == before

    def test_a_pair_that_the_user_halved_is_passed_over(self, annotated, videos):
        path = next((annotated / "annotations").glob("*.pts"))
        text = path.read_text()
        path.unlink()
        assert main(arguments(videos, annotated)) == 0
        path.write_text(text)

    def test_one_at_a_time(self, annotated, videos, capsys):
        with exclusive_lock(annotated):
            assert main(arguments(videos, annotated)) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"another process is writing to {annotated}" in error
        assert main(arguments(videos, annotated)) == 0

    def test_a_kill_before_the_first_file_is_no_foreign_folder(self, tmp_path):
        (tmp_path / ".lock").touch()
        (tmp_path / ".123.tmp.annotations.json").touch()
        refuse_foreign(tmp_path)
        (tmp_path / "mine.txt").touch()
        with pytest.raises(ValueError, match="is not empty"):
            refuse_foreign(tmp_path)

    def test_report_has_shares_and_histograms_of_every_video(self, annotated, videos):
        report = json.loads((annotated / "report.json").read_text())
        for name, video in report["videos"].items():
            # Lost faces are none that were seen.
            count = sum(video["verdicts"].values()) - video["verdicts"]["lost"]
            share = video["verdicts"]["accepted"] / max(1, count)
            assert video["accepted_share"] == pytest.approx(share, abs=1e-4)
            own = json.loads(report_path(annotated, name).read_text())
            shown = {k: sum(bins) for k, bins in own["reliability"].items()}
            assert shown == video["verdicts"]
        assert report["videos"][f"{videos.name}/empty.mp4"]["accepted_share"] == 0
        assert headline(report["faces"]).startswith(f"{report['faces']['accepted']} of")

    def test_other_options_and_other_folders_are_refused(
        self, annotated, videos, tmp_path, capsys
    ):
        assert main(arguments(videos, annotated, "--max-faces", "2")) == 2
        assert "made with another max_faces" in capsys.readouterr().err
        (tmp_path / "mine.txt").write_text("x")
        assert main(arguments(videos, tmp_path)) == 2
        assert "is not empty" in capsys.readouterr().err
        assert main(arguments(tmp_path / "none", tmp_path / "out")) == 2
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("text", ["{", "7", "[1]"])
    def test_a_damaged_note_is_one_line(self, videos, tmp_path, capsys, text):
        (tmp_path / "annotations.json").write_text(text)
        assert main(arguments(videos, tmp_path)) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "annotations.json is damaged" in error

    def test_videos_none_of_which_can_be_read_are_a_mistake(self, tmp_path, capsys):
        (tmp_path / "in").mkdir()
        for name in ("a.mp4", "b.mp4"):
            (tmp_path / "in" / name).write_bytes(b"no video")
        assert main(arguments(tmp_path / "in", tmp_path / "out")) == 2
        error = capsys.readouterr().err
        assert "a.mp4: " in error
        assert "none of the 2 videos can be read" in error
        # What was mended is annotated.
        clip = [image for image, _ in draw_clip(np.random.default_rng(3), 1, 4)]
        write_video(tmp_path / "in" / "a.mp4", clip, 25)
        assert main(arguments(tmp_path / "in", tmp_path / "out")) == 0
        assert "2 videos, 0 of them done before" in capsys.readouterr().out
        report = json.loads((tmp_path / "out" / "report.json").read_text())
        assert sum(report["videos"]["in/a.mp4"]["verdicts"].values()) >= 3
