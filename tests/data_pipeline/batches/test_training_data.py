"""Training batches: S, D_det, D_tck and their mixtures."""

from dataclasses import replace

import numpy as np
import pytest
from support.clips import crop_store
from support.toy_models import toy_mean_shape

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.batches.training_data import TrainingData
from data_pipeline.media.images import read_image
from data_pipeline.media.pts import read_pts
from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig
from strrn_tf.methods.cycle_scores import CycleScores

PLAIN = Augmentation.none()


def cycle_scores(num, to_detector, to_tracker, seed=0):
    """Return scores of ``num`` pairs; the position of a shape is its index."""
    base = np.repeat(toy_mean_shape()[None], num, 0)
    offset = np.arange(num, dtype=np.float32)[:, None, None]
    members = [np.isin(np.arange(num), m) for m in (to_detector, to_tracker)]
    errors = np.linspace(0, 0.1, num)
    return CycleScores(
        base + offset, base + 20 + offset, base - 20 + offset, errors, errors, *members
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Return four stills with values from 101 on, eight pairs with values from 1 on."""
    folder = tmp_path_factory.mktemp("stores")
    stills = crop_store(folder, 4, 1)
    stills.frames[:] += 100
    return stills, crop_store(folder, 8, 2, seed=1)


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    """Return three annotated frames with values from 201 on."""
    frames = crop_store(tmp_path_factory.mktemp("annotated"), 3, 1, seed=2)
    frames.frames[:] += 200
    names = ("clip0.avi#000003", "clip1.avi#000006", "clip1.avi#000099")
    return replace(frames, names=names)


class TestTrainingData:
    def data(self, stores, augmentation=PLAIN, annotated=None, source=None, **options):
        algorithm = AlgorithmConfig(**options)
        fit = FitConfig(4, 8, batch_size=4)
        config = RunConfig(detector=fit, tracker=fit, algorithm=algorithm)
        return TrainingData(
            *stores, config, augmentation, annotated=annotated, source=source
        )

    def take(self, batches_from, count=6):
        batches = [b for b, _ in zip(batches_from(0), range(count), strict=False)]
        joined = {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
        values = joined["frames"][..., 150, 150, 0] * 255
        return values.round().astype(int), joined

    def test_round_0_is_stills_alone(self, stores):
        values, batch = self.take(self.data(stores).detector_batches(None, 0))
        assert set(values) == {101, 102, 103, 104}
        expected = stores[0].landmarks[values - 101, 0] - 35
        np.testing.assert_allclose(batch["landmarks"], expected, atol=1e-3)

    def test_boxes_lie_as_badly_as_asked_for(self, stores):
        def landmarks(**options):
            data = self.data(stores, None, **options)
            return self.take(data.detector_batches(None, 0), 8)[1]["landmarks"]

        usual, far = (landmarks(box_shift=s).mean(1).std() for s in (0.08, 0.3))
        assert far > 2 * usual
        usual, wild = (np.ptp(landmarks(box_scale=s), 1).std() for s in (0.15, 0.6))
        assert wild > 1.5 * usual

    def test_d_det_has_tracked_shapes_of_its_members_only(self, stores):
        pseudo = cycle_scores(8, to_detector=[2, 5], to_tracker=[1])
        data = self.data(stores, pseudo_share=0.5)
        values, batch = self.take(data.detector_batches(pseudo, 0))
        assert set(values) == {101, 102, 103, 104, 3, 6}
        is_pseudo = values < 100
        assert is_pseudo.mean() == 0.5
        expected = pseudo.tracked[values[is_pseudo] - 1]
        np.testing.assert_allclose(batch["landmarks"][is_pseudo], expected, atol=1e-3)

    @pytest.mark.parametrize("number", [0, 1])
    def test_augmentation_is_annealed_at_the_end_of_a_detectors_updates(
        self, stores, number
    ):
        pseudo = cycle_scores(8, to_detector=[2, 5], to_tracker=[]) if number else None

        steps = 8 if number else 4

        def shapes(augmentation, **options):
            data = self.data(stores, augmentation, **options)
            batches = data.detector_batches(pseudo, 0)(0)
            pairs = zip(batches, range(steps), strict=False)
            return np.stack([np.array(b["landmarks"]) for b, _ in pairs])

        always = replace(PLAIN, mirror=1.0)
        plain, mirrored = shapes(PLAIN), shapes(always)
        expected = np.concatenate([mirrored[: steps // 2], plain[steps // 2 :]])
        np.testing.assert_array_equal(
            shapes(always, augmentation_annealing=0.5), expected
        )
        assert not np.isclose(plain, mirrored).all((1, 2, 3)).any()

    @pytest.mark.parametrize(
        ("share", "expected"), [(0.0, {101, 102, 103, 104}), (1.0, {3, 6})]
    )
    def test_the_share_of_d_det_at_its_ends(self, stores, share, expected):
        pseudo = cycle_scores(8, to_detector=[2, 5], to_tracker=[])
        data = self.data(stores, pseudo_share=share)
        values, _ = self.take(data.detector_batches(pseudo, 0))
        assert set(values) == expected

    def test_without_stills_the_detector_learns_from_d_det(self, stores):
        pseudo = cycle_scores(8, to_detector=[2, 5], to_tracker=[])
        for share in (0.0, 0.5):
            data = self.data((None, stores[1]), pseudo_share=share)
            values, _ = self.take(data.detector_batches(pseudo, 0))
            assert set(values) == {3, 6}

    def test_d_tck_has_detected_shapes_of_its_members_only(self, stores):
        pseudo = cycle_scores(8, to_detector=[2], to_tracker=[1, 7])
        data = self.data(stores, mix_stills=0.0)
        values, batch = self.take(data.tracker_batches(pseudo, 0))
        assert set(values[:, 0]) == {2, 8}
        np.testing.assert_array_equal(values[:, 0], values[:, 1])
        index = values[:, 0] - 1
        for key, shapes in (
            ("start", pseudo.detected_before),
            ("detected", pseudo.detected),
            ("target", pseudo.detected),
        ):
            np.testing.assert_allclose(batch[key], shapes[index], atol=1e-3)

    def test_stills_in_motion_are_mixed_in(self, stores):
        pseudo = cycle_scores(8, to_detector=[], to_tracker=[1, 7])
        data = self.data(stores, mix_stills=0.25)
        values, _ = self.take(data.tracker_batches(pseudo, 0))
        assert (values[:, 0] > 100).mean() == 0.25

    def test_annotated_frames_teach_their_annotation(self, stores, annotated):
        pseudo = cycle_scores(8, to_detector=[], to_tracker=[0])
        options = {"mix_stills": 0.0, "annotated_fraction": 0.5}
        data = self.data(stores, annotated=annotated, **options)
        # Pairs that end in an annotated frame; 99 ends none.
        assert data.annotated.tolist() == [3, 6]
        values, batch = self.take(data.tracker_batches(pseudo, 0), 12)
        index = values[:, 0] - 1
        assert set(index) == {0, 3, 6}
        known = np.isin(index, data.annotated)
        truth = stores[1].landmarks[index[known], 1] - 35
        np.testing.assert_allclose(batch["target"][known], truth, atol=1e-3)
        # The detections do not change.
        np.testing.assert_allclose(batch["detected"], pseudo.detected[index], atol=1e-3)
        values, batch = self.take(data.detector_batches(None, 0), 14)
        # All annotated frames, in proportion to their number: three beside four stills.
        assert set(values) == {101, 102, 103, 104, 201, 202, 203}
        assert (values > 200).mean() == pytest.approx(3 / 7, abs=0.03)
        frames = values > 200
        truth = annotated.landmarks[values[frames] - 201, 0] - 35
        np.testing.assert_allclose(batch["landmarks"][frames], truth, atol=1e-3)

    def test_an_annotated_frame_has_no_second_label(self, stores, annotated):
        pseudo = cycle_scores(8, to_detector=range(8), to_tracker=[])
        options = {"pseudo_share": 0.5, "annotated_fraction": 0.5}
        data = self.data(stores, annotated=annotated, **options)
        values, _ = self.take(data.detector_batches(pseudo, 0), 16)
        pairs = set(values[values < 100] - 1)
        assert pairs == {0, 1, 2, 4, 5, 7}

    def test_the_annotation_of_another_face_teaches_nothing(self, stores, annotated):
        landmarks = stores[1].landmarks.copy()
        landmarks[3, 1] += (150, 0)  # the face beside the one in the crop
        landmarks[6, 1] += (60, 40)  # moved since the frame before
        clips = replace(stores[1], landmarks=landmarks)
        data = self.data(
            (stores[0], clips), annotated=annotated, annotated_fraction=0.5
        )
        assert data.annotated.tolist() == [6]

    def test_annotation_is_asked_for_but_not_there(self, stores, annotated):
        with pytest.raises(ValueError, match=r"`annotated_fraction` is 0\.5"):
            self.data(stores, annotated_fraction=0.5)
        with pytest.raises(ValueError, match=r"`annotated_fraction` is 0\.0"):
            self.data(stores, annotated=annotated)

    def test_sources_have_their_shares(self, stores):
        # Pairs 0 to 5 are of the first source, and 6 and 7 of the second.
        source = np.array([0] * 6 + [1] * 2)
        pseudo = cycle_scores(8, to_detector=[0, 1, 2, 6], to_tracker=[3, 4, 7])
        options = {"pseudo_share": 0.5, "mix_stills": 0.0}
        data = self.data(stores, source=source, source_shares=(1, 1), **options)
        values, _ = self.take(data.detector_batches(pseudo, 0), 8)
        counts = {v - 1: (values == v).sum() for v in set(values[values < 100])}
        assert counts[6] == 8  # half of the pseudo-labels, which are half of 32
        assert counts[0] + counts[1] + counts[2] == 8
        values, _ = self.take(data.tracker_batches(pseudo, 0), 8)
        assert (values[:, 0] == 8).sum() == 16
        # Without shares every trusted pair counts the same.
        data = self.data(stores, source=source, **options)
        values, _ = self.take(data.tracker_batches(pseudo, 0), 9)
        assert [(values[:, 0] == v).sum() for v in (4, 5, 8)] == [12, 12, 12]

    def test_a_source_without_trusted_pairs_leaves_its_share_to_the_others(
        self, stores
    ):
        source = np.array([0] * 6 + [1] * 2)
        pseudo = cycle_scores(8, to_detector=[], to_tracker=[3])
        options = {"mix_stills": 0.0, "source_shares": (1, 3)}
        data = self.data(stores, source=source, **options)
        values, _ = self.take(data.tracker_batches(pseudo, 0), 2)
        assert set(values[:, 0]) == {4}

    def test_shares_are_one_for_each_source(self, stores):
        with pytest.raises(ValueError, match="3 numbers for 2 sources"):
            self.data(stores, source=np.array([0, 1] * 4), source_shares=(1, 1, 1))

    def test_the_same_seed_gives_the_same_stream_and_another_does_not(self, stores):
        data = self.data(stores, Augmentation())
        first, second, other = (
            next(iter(data.detector_batches(None, seed)(0))) for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first["frames"], second["frames"])
        assert np.abs(first["landmarks"] - other["landmarks"]).max() > 1


def test_pseudo_labels_are_written_in_the_300w_layout(tmp_path):
    clips = crop_store(tmp_path, 2, 2)
    data = TrainingData(None, clips, RunConfig())
    shape = toy_mean_shape()
    data.write_pseudo_label(tmp_path / "detector", 1, shape)
    written = sorted(p.name for p in (tmp_path / "detector").iterdir())
    assert written == ["clip0.avi_000001.jpg", "clip0.avi_000001.pts"]
    received = read_pts(tmp_path / "detector" / written[1])
    np.testing.assert_allclose(received, shape, atol=1e-3)
    image = read_image(tmp_path / "detector" / written[0])
    assert image.shape == (315, 315, 3)


def test_every_pseudo_label_has_files_of_its_own(tmp_path):
    clips = crop_store(tmp_path, 4, 2)
    far = f"{'a' * 200}/{'b' * 200}/1.mp4"
    names = [f"{name}#000001" for name in ("a/1.mp4", "a_1.mp4", "a__1.mp4", far)]
    clips = replace(clips, names=tuple(names))
    data = TrainingData(None, clips, RunConfig())
    for index in range(4):
        data.write_pseudo_label(tmp_path / "detector", index, toy_mean_shape())
    written = {p.name for p in (tmp_path / "detector").glob("*.jpg")}
    assert len(written) == len(list((tmp_path / "detector").glob("*.pts"))) == 4
    assert {"a__1.mp4_000001.jpg", "a_1.mp4_000001.jpg"} <= written
