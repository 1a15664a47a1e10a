"""`strrn train`: whose labels clips and photographs get."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from support.clips import crop_store
from support.layouts import picture, pts, put, shape_at
from support.toy_models import ToyTracker, toy_mean_shape

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.batches.fused_data import FusedData
from data_pipeline.media.images import read_image, write_image
from data_pipeline.stores import filled_frames
from strrn_tf.commands import train
from strrn_tf.commands.train_labels import second_model_note
from strrn_tf.commands.train_setup import read_filled
from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.methods.fused_labels import FusedLabels
from strrn_tf.methods.fused_supervision import FusedSupervision
from strrn_tf.methods.gate import FilledFrames, Gate
from strrn_tf.methods.training_run import TrainingRun
from strrn_tf.methods.verdict import MOMENTS_MARGIN, NETWORK_MARGIN
from strrn_tf.tracking.networks.model_folder import load, seal
from strrn_tf.training.run_folder import RunFolder


class TestOptions:
    """Which labels the options ask for."""

    init = ("--init", "strrn-mdm", "--unlabelled", "videos")

    def fails(self, capsys, *argv):
        assert train.main(list(argv)) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    def test_from_nothing_as_published_with_a_note_on_a_second_model(self):
        chosen = train.parse([])
        assert chosen.labels == "paper"
        note = second_model_note(chosen)
        assert "--second" in note
        assert "\n" not in note

    def test_the_shipped_models_label_and_judge_each_other(self):
        chosen = train.parse([*self.init, "--stills", "s"])
        assert (chosen.labels, str(chosen.second)) == ("fused", "strrn-hgn")
        assert chosen.judge is None
        assert not second_model_note(chosen)
        chosen = train.parse([*self.init])
        named = chosen.labels, str(chosen.second), str(chosen.judge)
        assert named == ("fused", "strrn-hgn", "strrn-fast")
        fast = ("--init", "strrn-fast", "--unlabelled", "videos")
        chosen = train.parse([*fast])
        assert (str(chosen.second), str(chosen.judge)) == ("strrn-mdm", "strrn-hgn")
        chosen = train.parse([*fast, "--second", "strrn-hgn"])
        assert str(chosen.judge) == "strrn-mdm"

    def test_models_made_from_shipped_ones_are_labelled_and_judged_alike(
        self, tmp_path
    ):
        shipped = load("strrn-mdm")
        copied = shutil.copytree(shipped.path, tmp_path / "copied")
        chosen = train.parse(["--init", str(copied), "--unlabelled", "videos"])
        named = chosen.labels, str(chosen.second), str(chosen.judge)
        assert named == ("fused", "strrn-hgn", "strrn-fast")
        # A model of its own, and a run that started from it.
        own = dict(shipped.description) | {"name": "own", "reliability": None}
        for data, labels in (
            ({"origin": "given by the user"}, "paper"),
            ({"started from": {"name": "runs", "training_data": own}}, "paper"),
            ({"started from": {"name": "strrn-fast"}}, "fused"),
            (
                {
                    "started from": {
                        "name": "first",
                        "training_data": {"started from": {"name": "strrn-mdm"}},
                    }
                },
                "fused",
            ),
        ):
            seal(copied, own | {"training_data": data})
            chosen = train.parse(["--init", str(copied), "--unlabelled", "videos"])
            assert chosen.labels == labels
            assert bool(chosen.judge) == (labels == "fused")

    def test_who_labels_does_not_judge(self, capsys):
        shipped = str(load("strrn-hgn").path)
        chosen = train.parse([*self.init, "--second", shipped])
        assert str(chosen.judge) == "strrn-fast"
        capsys.readouterr()
        message = self.fails(capsys, *self.init, "--judge", shipped)
        assert "different models" in message

    def test_a_relative_does_not_judge(self, tmp_path, capsys):
        """Neither a child nor a sibling of a model that labels is independent."""

        def own(name, shipped, parent=None):
            path = shutil.copytree(load(shipped).path, tmp_path / name)
            data = {"started from": parent and load(parent).description}
            about = {"name": name, "licence": "mine", "training_data": data}
            seal(path, dict(load(path).description) | about)
            return path

        first = own("first", "strrn-hgn")
        child = own("child", "strrn-fast", first)
        sibling = own("sibling", "strrn-hgn", first)
        other = own("other", "strrn-hgn")
        # Other weights: their bytes tell models apart.
        with (other / "detector.tflite").open("ab") as file:
            file.write(b"other")
        seal(other, load(first).description | {"name": "other"})
        unlabelled = ("--second", "strrn-mdm", "--unlabelled", "videos")
        for init, judge in ((first, child), (child, first), (child, sibling)):
            words = ("--init", str(init), *unlabelled, "--judge", str(judge))
            assert "of another training" in self.fails(capsys, *words)
            begun = tmp_path / "runs" / init.name
            put(begun / "config.json", b"{}")
            resumed = (*words, "--resume", "--output", str(begun))
            assert train.parse(list(resumed)).judge == judge
            capsys.readouterr()
        paper = ("--unlabelled", "videos", "--labels", "paper", "--judge")
        same = self.fails(capsys, "--init", str(first), *paper, str(first))
        assert "different models" in same
        related = self.fails(capsys, "--init", str(first), *paper, str(child))
        assert "of another training" in related
        words = ("--init", str(child), *unlabelled, "--judge", str(other))
        assert train.parse(list(words)).judge == other

    def test_two_models_of_one_backbone_are_allowed_with_a_note(self):
        words = ["--init", "strrn-hgn", "--second", "strrn-fast", "--stills", "s"]
        chosen = train.parse([*words, "--unlabelled", "videos"])
        assert "err alike" in second_model_note(chosen)

    def test_the_name_of_a_shipped_model_is_not_its_terms(self, tmp_path):
        copied = shutil.copytree(load("strrn-mdm").path, tmp_path / "strrn-mdm")
        seal(copied, dict(load(copied).description) | {"licence": "mine"})
        chosen = train.parse(["--init", str(copied), "--unlabelled", "videos"])
        assert (chosen.labels, chosen.judge) == ("paper", None)

    def test_a_model_of_ones_own_has_no_judge_and_the_command_says_so(
        self, tmp_path, capsys
    ):
        copied = shutil.copytree(load("strrn-mdm").path, tmp_path / "copied")
        own = dict(load(copied).description) | {"name": "own", "training_data": {}}
        seal(copied, own)
        train.parse(["--init", str(copied), "--unlabelled", "videos"])
        assert "add --judge MODEL" in capsys.readouterr().err

    def test_labels_of_a_model_are_no_stills(self, tmp_path, capsys):
        (tmp_path / "annotations.json").write_text("{}")
        stills = ("--stills", str(tmp_path / "annotations"), "--second", "strrn-hgn")
        message = self.fails(capsys, *self.init, *stills)
        assert "copy those that you have checked into another folder" in message

    def test_as_published_if_asked(self):
        chosen = train.parse([*self.init, "--labels", "paper"])
        named = chosen.labels, chosen.second, str(chosen.judge)
        assert named == ("paper", None, "strrn-hgn")
        chosen = train.parse([*self.init, "--stills", "s", "--labels", "paper"])
        assert (chosen.labels, chosen.judge) == ("paper", None)
        chosen = train.parse([*self.init, "--method", "sbr"])
        assert (chosen.labels, chosen.judge) == ("paper", None)

    def test_photographs_are_enough(self):
        init = ("--init", "strrn-mdm", "--photographs", "p", "--stills", "s")
        chosen = train.parse(list(init))
        assert chosen.labels == "fused"
        assert [str(p) for p in chosen.photographs] == ["p"]

    def test_mistakes(self, capsys):
        message = self.fails(capsys, "--labels", "fused")
        assert "give --init and --second" in message
        own = ("--init", "not/there", "--second", "strrn-hgn")
        message = self.fails(capsys, *own, "--unlabelled", "videos")
        assert "give --stills, or with --judge" in message
        both = ("--stills", "s", "--judge", "strrn-fast")
        assert "held-out stills judge" in self.fails(capsys, *self.init, *both)
        same = ("--stills", "s", "--second", "strrn-mdm")
        assert "different models" in self.fails(capsys, *self.init, *same)
        paper = ("--labels", "paper", "--second", "strrn-hgn")
        assert "fused labels" in self.fails(capsys, *self.init, *paper)
        sbr = ("--labels", "fused", "--method", "sbr", "--stills", "s")
        assert "--method strrn" in self.fails(capsys, *self.init, *sbr)


@keras.saving.register_keras_serializable(package="label toys")
class Movable(keras.Model):
    """Says the mean shape plus an offset, which it can learn."""

    def __init__(self, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.start = offset
        self.offset = self.add_weight(shape=(68, 2), initializer="zeros", name="offset")
        self.offset.assign(np.full((68, 2), offset))
        self.built = True

    def call(self, frames, training=None):
        zero = 0 * keras.ops.mean(frames, (1, 2, 3))[:, None, None]
        answer = self.offset + toy_mean_shape() + zero
        return {"refinements": answer[:, None]}


def make_method(folder, tmp_path, *, truth=0.0, judge=None, stills=True, second=2.0):
    """Return fused training of a detector that is 6 px off, and its stores.

    Annotations are ``truth`` pixels beside the mean shape. The second backbone is
    ``second`` pixels off.
    """
    keras.utils.set_random_seed(0)
    annotated = crop_store(tmp_path, 30, 1)
    annotated = replace(annotated, names=tuple(f"{n}.jpg" for n in range(30)))
    exact = np.tile(toy_mean_shape() + 35 + truth, (30, 1, 1, 1))
    annotated = replace(annotated, landmarks=exact.astype(np.float32))
    photographs = crop_store(tmp_path, 30, 1, seed=2, annotated=False)
    names = tuple(f"p{n}/x.jpg" for n in range(30))
    fit = FitConfig(4, 80, batch_size=8, round_learning_rate=0.3, weight_decay=0.0)
    config = RunConfig(detector=fit, algorithm=AlgorithmConfig(rounds=1))
    fused = FusedConfig(held_out=0.3, questions=2, averaging=0.1, passes=0)
    data = FusedData(
        *(annotated if stills else None, None, config, fused),
        photographs=replace(photographs, names=names),
        augmentation=Augmentation.none(),
    )
    tracker = ToyTracker()
    tracker.build({"frames": (None, 315, 315, 3), "start": (None, 68, 2)})
    folder = RunFolder(folder)
    folder.start({})
    run = TrainingRun(config, Movable(6.0), tracker, data, folder)
    return FusedSupervision(run, Movable(second), fused, Gate(run, judge))


def test_filled_frames_can_be_looked_at(tmp_path):
    method = make_method(tmp_path / "run", tmp_path)
    method.run.data.filled = crop_store(tmp_path, 41, 1, seed=4)
    method.run.data.learnt_filled = np.arange(40)
    method.run_round(1)
    sheet = read_image(tmp_path / "run/rounds/01/filled.png")
    assert sheet.shape == (4 * 385, 6 * 385, 3)
    # Frames have the values 1 to 40: the first and the last are shown.
    assert sheet[2, 2].tolist() == [1, 1, 1]
    assert sheet[3 * 385 + 2, -2].tolist() == [40, 40, 40]


@pytest.mark.parametrize("stills", [False, True])
@pytest.mark.parametrize("option", [False, True])
def test_without_stills_statistics_are_frozen(tmp_path, stills, option):
    method = make_method(tmp_path / "run", tmp_path, stills=stills)
    fused = replace(method.config, frozen_statistics=option)
    trainers = []

    def fit(trainer, *_):
        trainers.append(trainer)

    method = replace(method, run=replace(method.run, fit=fit), config=fused)
    method.train_detector(1)
    assert trainers[0].frozen_statistics == (option and not stills)


def offset(method):
    return float(np.mean(method.run.detector.offset))


def test_a_training_that_helps_is_kept_and_is_the_same_again(tmp_path, capsys):
    method = make_method(tmp_path / "run", tmp_path)
    method.run_round(1)
    trained = offset(method)
    assert abs(trained) < 2  # the stills pull to 0
    method.decide()
    method.report_gain()
    printed = capsys.readouterr().out
    assert "is kept" in printed
    assert "interval" in printed
    found = json.loads((tmp_path / "run/verdict.json").read_text())
    assert found.keys() == {"detector"}  # the tracker was not trained
    assert found["detector"]["chosen"] == "after"
    kept = offset(method)
    assert kept == pytest.approx(trained)

    again = make_method(tmp_path / "run", tmp_path)
    again.run_round(1)
    again.decide()
    assert offset(again) == kept


def test_a_training_that_harms_leaves_the_former_weights(tmp_path, capsys):
    # A third model of the same kind as the first says that it was right.
    judge, wrong = Movable(6.0), -40.0
    method = make_method(
        *(tmp_path / "run", tmp_path), judge=judge, stills=False, second=wrong
    )
    method.run_round(1)
    assert offset(method) < 3
    method.decide()
    method.report_gain()
    assert "Not better; you keep what you had" in capsys.readouterr().out
    assert offset(method) == 6.0


def test_a_judge_may_say_yes(tmp_path):
    method = make_method(
        *(tmp_path / "run", tmp_path), judge=Movable(-10.0), stills=False, second=-30.0
    )
    method.run_round(1)
    trained = offset(method)
    method.decide()
    # A quarter of the way, for the judge is a network.
    assert offset(method) == pytest.approx(6.0 + (trained - 6.0) / 4)
    assert trained < 3
    found = json.loads((tmp_path / "run/verdict.json").read_text())["detector"]
    assert found["chosen"] == "a quarter of the way"


def test_the_judge_also_sees_kept_out_frames_that_it_has_filled_in(tmp_path):
    clips = crop_store(tmp_path, 8, 2, annotated=False)
    fit = FitConfig(4, 20, batch_size=8)
    config, fused = RunConfig(detector=fit), FusedConfig(questions=2)
    plain = Augmentation.none()
    data = FusedData(None, clips, config, fused, augmentation=plain)
    run = TrainingRun(config, Movable(6.0), ToyTracker(), data, tmp_path)
    asked = []

    def filled(names):
        asked.append(names)
        shapes = np.tile(toy_mean_shape() + 35 - 50.0, (9, 1, 1))
        frames = [np.zeros((385, 385, 3), np.uint8)] * 9
        numbers = [*range(8), 99]
        names = [f"clip{n // 4}.avi#{n:06d}" for n in numbers]
        return FilledFrames(frames, shapes.astype(np.float32), names)

    gate = Gate(run, Movable(0.0), filled)
    judge = gate._detector_judge()
    errors = 100 * judge[0](run.detector)
    count = data.held_out_pictures.sum()
    row = gate._decide("detector", *judge)["rows"]["before"]
    # Ordinary pictures are judged apart, too.
    assert row["error"] == pytest.approx(errors.mean())
    assert row["ordinary"] == pytest.approx(errors[:count].mean())
    assert errors[count:].mean() != pytest.approx(errors[:count].mean(), rel=0.1)
    asked.clear()
    pictures, truth, owner = gate._judged_pictures()
    index = np.flatnonzero(data.held_out_pictures)
    assert asked == [{f"clip{n // 4}.avi" for n in index}]
    # Each kept-out frame is judged as it is, and once more as it was filled in.
    assert len(pictures) == len(truth) == 2 * len(index)
    assert owner.tolist() == 2 * data.pictures.owner[index].tolist()
    assert np.allclose(truth[len(index) :], toy_mean_shape() - 15)
    assert len(Gate(run, Movable(0.0))._judged_pictures()[0]) == len(index)


def clips_alone(tmp_path, *, filled=False, judge=0.0, **options):
    """Return fused training on clips, without stills and photographs."""
    clips = crop_store(tmp_path, 48, 2, annotated=False)
    fit = FitConfig(4, 40, batch_size=8, round_learning_rate=0.3, weight_decay=0.0)
    config = RunConfig(detector=fit, tracker=replace(fit, round_steps=0))
    fused = FusedConfig(**{"questions": 2, "passes": 0, **options})
    moments = None
    if filled:
        moments = crop_store(tmp_path, 24, 1)
        names = tuple(f"clip{n // 2}.avi#{n // 2 * 4:06d}" for n in range(24))
        shape = np.tile(toy_mean_shape() + 35, (24, 1, 1, 1)).astype(np.float32)
        moments = replace(moments, names=names, landmarks=shape)
    plain = Augmentation.none()
    data = FusedData(*(None, clips, config, fused), filled=moments, augmentation=plain)
    tracker = ToyTracker()
    tracker.build({"frames": (None, 315, 315, 3), "start": (None, 68, 2)})
    folder = RunFolder(tmp_path / "run")
    folder.start({})
    run = TrainingRun(config, Movable(6.0), tracker, data, folder)
    return FusedSupervision(run, Movable(-40.0), fused, Gate(run, Movable(judge)))


def test_without_stills_frames_of_clips_keep_the_own_answers(tmp_path, capsys):
    method = clips_alone(tmp_path / "a", filled=True)
    labels = method.label(1)
    other = replace(clips_alone(tmp_path / "b", filled=True), second=Movable(40.0))
    np.testing.assert_array_equal(labels.landmarks, other.label(1).landmarks)
    # Photographs are labelled by both.
    photographs = make_method(tmp_path / "c", tmp_path, stills=False)
    different = make_method(tmp_path / "d", tmp_path, stills=False, second=40.0)
    pair = [m.label(1).landmarks for m in (photographs, different)]
    assert np.abs(pair[0] - pair[1]).max() > 5
    method.train_detector(1)
    printed = capsys.readouterr().out
    assert "48 frames keep the detector's own answers" in printed
    assert "two models" not in printed


def test_where_only_moments_teach_the_judge_needs_less(tmp_path):
    method = clips_alone(tmp_path, filled=True, judge=-10.0)
    method.train_detector(1)
    method.decide()
    found = json.loads((tmp_path / "run/verdict.json").read_text())["detector"]
    assert found["margin"] == MOMENTS_MARGIN < NETWORK_MARGIN
    assert found["chosen"] == "a quarter of the way"
    assert found["rows"][found["chosen"]]["high"] > -NETWORK_MARGIN


def test_labels_of_two_models_need_the_wide_margin(tmp_path):
    method = clips_alone(tmp_path, filled=True, judge=-10.0, own_answers=False)
    method.train_detector(1)
    method.decide()
    found = json.loads((tmp_path / "run/verdict.json").read_text())["detector"]
    assert found["margin"] == NETWORK_MARGIN


def test_few_pictures_end_a_training_early(tmp_path, capsys):
    method = clips_alone(tmp_path, filled=True, passes=4)
    updates = method.run.data.detector_updates
    assert 0 < updates < 40
    method.run_round(1)
    printed = capsys.readouterr().out
    assert f"0 of {updates} updates" in printed
    assert f"{updates} updates instead of 40, which show a picture 4 times" in printed
    # Nobody judges the tracker here.
    assert "tracker" not in printed


def test_frames_and_photographs_are_sampled_apart(tmp_path):
    method = make_method(tmp_path / "run", tmp_path, stills=False)
    photographs = method.run.data.photographs
    data = FusedData(
        *(None, crop_store(tmp_path, 8, 2, annotated=False)),
        *(method.run.config, method.config),
        photographs=replace(photographs, names=tuple(f"p/{n}" for n in range(30))),
    )
    method = replace(method, run=replace(method.run, data=data))
    disagreement = np.full(38, 0.01)
    disagreement[8:] = np.linspace(0.1, 0.3, 30)
    labels = FusedLabels(np.zeros((38, 68, 2)), np.ones((38, 68)), disagreement)
    share = method._sampling(labels)
    assert share[:8].sum() == pytest.approx(1)
    assert share[8:].sum() == pytest.approx(1)
    assert share[-1] == pytest.approx(3 * share[8])


def test_where_nothing_teaches_nothing_is_trained(tmp_path, capsys):
    method = clips_alone(tmp_path)
    method.run_round(1)
    method.decide()
    method.report_gain()
    printed = capsys.readouterr().out
    assert "nothing to learn: in the clips that are learnt" in printed
    assert "updates" not in printed
    assert "nothing was learnt; you keep what you had" in printed
    assert offset(method) == 6.0
    found = json.loads((tmp_path / "run/verdict.json").read_text())["detector"]
    assert (found["chosen"], found["rows"]) == ("before", {})


def test_photographs_have_no_moments_to_judge(tmp_path):
    method = make_method(
        *(tmp_path / "run", tmp_path), judge=Movable(-10.0), stills=False, second=-30.0
    )

    def fail(names):
        raise AssertionError(names)

    gate = replace(method.gate, filled_by_judge=fail)
    pictures, truth, _ = gate._judged_pictures()
    assert len(pictures) == len(truth) == method.run.data.held_out_pictures.sum()


class TestFilledFrames:
    """Which models track which clips."""

    @pytest.fixture
    def asked(self, monkeypatch, tmp_path):
        """Return options of two clips, and the calls that look for filled frames."""
        calls = []

        def build(place, videos, models, looked, title):
            calls.append((place, [v.name for v in videos], models, looked, title))
            return crop_store(tmp_path, 3, 1)

        monkeypatch.setattr(filled_frames, "build_filled_store", build)
        for name in ("a.mp4", "b.mp4"):
            (tmp_path / "videos" / name).parent.mkdir(exist_ok=True)
            (tmp_path / "videos" / name).touch()
        argv = ["--init", "strrn-fast", "--unlabelled", str(tmp_path / "videos")]
        return train.parse([*argv, "--cache", str(tmp_path / "cache")]), calls

    def test_both_that_label_track_all_clips(self, asked):
        options, calls = asked
        read_filled(options, (options.init, options.second))
        place, names, models, looked, _ = calls[0]
        assert names == ["a.mp4", "b.mp4"]
        assert [str(model) for model in models] == ["strrn-fast", "strrn-mdm"]
        assert looked.seconds == FusedConfig().tracked_seconds > 0
        assert place.parent == options.cache
        none = replace(options, fused=FusedConfig(tracked_seconds=0.0))
        assert read_filled(none, (options.init, options.second)) is None
        assert len(calls) == 1

    def test_the_judge_tracks_clips_that_were_kept_out(self, asked, tmp_path):
        options, calls = asked
        run = TrainingRun(
            RunConfig(), Movable(), ToyTracker(), FusedDataOf(None), tmp_path
        )
        method = train.make_method(options, run)
        found = method.gate.filled_by_judge({"b.mp4"})
        place, names, models, _, title = calls[0]
        assert names == ["b.mp4"]
        assert [str(model) for model in models] == ["strrn-hgn"]
        assert place != options.cache / "filled-strrn-fast-strrn-mdm"
        assert "judge" in title
        assert len(found.pictures) == len(found.landmarks) == len(found.names) == 3


class FusedDataOf:
    """Data of which only the stills are asked."""

    def __init__(self, stills):
        self.stills = stills


def corrected_method(tmp_path, shift):
    """Return training on two clips, with three corrected frames of the first.

    The two detectors are 6 and 2 px off. Corrected brows lie ``shift`` px beside the
    mean of their labels.
    """
    clips = crop_store(tmp_path, 8, 2, annotated=False)
    stills = crop_store(tmp_path, 3, 1, seed=1)
    exact = np.tile(toy_mean_shape() + 35 + 4.0, (3, 1, 1, 1)).astype(np.float32)
    exact[..., 17:27, 0] += shift
    names = tuple(f"clip0.avi#{n:06d}.jpg" for n in (0, 1, 3))
    stills = replace(stills, names=names, landmarks=exact)
    fit = FitConfig(4, 20, batch_size=8, round_learning_rate=0.3, weight_decay=0.0)
    config = RunConfig(detector=fit, algorithm=AlgorithmConfig(rounds=1))
    fused = FusedConfig(questions=2)
    plain = Augmentation.none()
    data = FusedData(stills, clips, config, fused, augmentation=plain)
    tracker = ToyTracker()
    tracker.build({"frames": (None, 315, 315, 3), "start": (None, 68, 2)})
    folder = RunFolder(tmp_path / "run")
    folder.start({})
    run = TrainingRun(config, Movable(6.0), tracker, data, folder)
    return FusedSupervision(run, Movable(2.0), fused, Gate(run))


def test_corrected_frames_move_the_labels_of_their_clip_alone(tmp_path, capsys):
    method = corrected_method(tmp_path, 7.0)
    labels = method.label(1).landmarks
    truth = method.run.data.stills.landmarks[:, 0]
    np.testing.assert_array_equal(labels[8:], truth)
    # The windows of the questions make labels differ by parts of a pixel.
    np.testing.assert_allclose(labels[:4], np.tile(truth[0], (4, 1, 1)), atol=2)
    assert np.abs(labels[4:8] - truth[0]).mean() > 5
    assert "3 corrected frames of 1 clips" in capsys.readouterr().out
    data = method.run.data
    data.write_moved_labels(tmp_path / "moved", labels)
    assert len(list((tmp_path / "moved").glob("clip0*.pts"))) == 4
    assert not list((tmp_path / "moved").glob("clip1*"))


def test_without_other_stills_the_trained_weights_stay(tmp_path, capsys):
    method = corrected_method(tmp_path, 3.0)
    method.train_detector(1)
    trained = offset(method)
    assert trained != pytest.approx(6.0)
    method.decide()
    method.report_gain()
    assert offset(method) == trained
    assert "nothing was held out" in capsys.readouterr().out


def test_corrected_frames_alone_are_learnt_in_a_short_training(tmp_path):
    stills, clips = tmp_path / "stills", tmp_path / "clips"
    put(clips / "a.mp4", b"")
    for name in ("a.mp4#000003", "a.mp4#000009"):
        put(stills / f"{name}.pts", pts(shape_at()))
        write_image(stills / f"{name}.jpg", picture())
    argv = ["--init", "strrn-mdm", "--unlabelled", str(clips), "--stills", str(stills)]
    assert train.parse(argv).detector.round_steps == 150
    assert train.parse([*argv, "--detector.round-steps", "7"]).detector.round_steps == 7
    (clips / "a.mp4").rename(clips / "b.mp4")
    assert train.parse(argv).detector.round_steps == 1500
