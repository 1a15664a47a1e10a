"""MDM, HGN and STRRN: twins, what they say before training, shared weights, sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.reference import models as twins
from support.toy_models import toy_mean_shape
from support.weights import (
    SMALL,
    arrays,
    encoder_weights,
    hourglass_weights,
    numpy,
    randomise,
    residual_weights,
)

from strrn_tf.config import AlgorithmConfig, RunConfig
from strrn_tf.landmarks import COMPONENTS, NOSE_ROOT
from strrn_tf.models.build import build_networks, rebuilt, with_global_context
from strrn_tf.models.hgn import HGN
from strrn_tf.models.mdm import MDM
from strrn_tf.models.strrn import STRRN
from strrn_tf.training.trainers import DetectorTrainer, TrackerTrainer

SHAPE = toy_mean_shape()


def frames(count=1, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (count, 315, 315, 3))


def starts(count=1, seed=1):
    return SHAPE + np.random.default_rng(seed).normal(0, 3, (count, 68, 2))


def replica_of(model, given, start, components):
    weights = {
        "relations": [arrays(relation.dense) for relation in model.relations],
        "appearance": [encoder_weights(e) for e in model.appearance.encoders],
        "norms": [arrays(norm) for norm in model.norms],
        "fuse": arrays(model.fuse),
        "regress": arrays(model.regress),
    }
    return twins.strrn(given, start, weights, components, NOSE_ROOT, 9, "strided")


@pytest.mark.usefixtures("float64")
class TestMDM:
    @pytest.mark.parametrize(
        ("style", "patch", "features", "context"),
        [("strided", 9, 2, None), ("mdm", 14, None, None), ("strided", 9, 2, (2, 3))],
    )
    def test_twin(self, style, patch, features, context):
        settings = {**SMALL, "patch_size": patch, "features": features}
        settings["offset_unit"] = 7.0
        settings |= {"steps": 3, "style": style, "global_context": context}
        model = randomise(MDM(SHAPE.tolist(), **settings))
        weights = {
            "encoder": encoder_weights(model.encoder),
            "recurrent": arrays(model.recurrent),
            "regress": arrays(model.regress),
        }
        if context:
            branch = model.global_context
            parts = (*branch.convolutions, branch.norm, branch.dense)
            weights["global_context"] = arrays(*parts)
            weights["shape_head"] = arrays(model.shape_head)
            weights["state_head"] = arrays(model.state_head)
        given = frames()
        expected = twins.mdm(given, SHAPE, weights, 3, patch, style, 7.0)
        received = numpy(model(given)["refinements"])
        # Every step moves, and not as the one before it.
        assert np.abs(np.diff(expected, axis=1)).max() > 1
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-10)

    def test_every_step_counts_for_the_loss(self):
        model = randomise(MDM(SHAPE.tolist(), steps=3, **SMALL))
        assert model(frames(2))["refinements"].shape == (2, 3, 68, 2)
        assert model.compute_output_shape((None, 315, 315, 3)) == {
            "refinements": (None, 3, 68, 2)
        }


def test_an_untrained_mdm_says_the_mean_shape():
    model = MDM(SHAPE.tolist(), steps=2, **SMALL)
    received = numpy(model(frames(2).astype("float32"))["refinements"])
    np.testing.assert_array_equal(received, np.broadcast_to(SHAPE, (2, 2, 68, 2)))


class TestGlobalContext:
    def network(self, preset="tiny", **options):
        config = RunConfig(preset=preset, **options)
        return randomise(build_networks(config, SHAPE)[0])

    def test_it_answers_as_before_until_it_is_trained(self):
        given = frames(2).astype("float32")
        mdm = self.network()
        extended = with_global_context(mdm, "tiny")
        assert mdm.global_context is None
        before, after = (numpy(m(given)["refinements"]) for m in (mdm, extended))
        start = np.broadcast_to(np.float32(SHAPE), (2, 68, 2))
        np.testing.assert_array_equal(after[:, 0], start)
        np.testing.assert_allclose(after[:, 1:], before, rtol=0, atol=1e-4)
        extended.shape_head.bias.assign_add(np.ones(136, "float32"))
        moved = numpy(extended(given)["refinements"])
        assert np.abs(moved - after)[:, 0].min() > 1

    def test_the_branch_learns_from_its_own_shape_only(self):
        mdm = self.network(global_context=True)
        given = tf.constant(frames(1), "float32")
        with tf.GradientTape(persistent=True) as tape:
            refinements = mdm(given)["refinements"]
            first, last = (tf.reduce_sum(refinements[:, k]) for k in (0, -1))
        of_branch = [mdm.global_context.dense.kernel, mdm.shape_head.kernel]
        for variable in of_branch:
            gradient = tape.gradient(first, variable.value)
            assert np.abs(gradient).max() > 0
            assert not np.any(tape.gradient(last, variable.value))
        assert np.abs(tape.gradient(last, mdm.state_head.kernel.value)).max() > 0

    def test_an_mdm_that_has_the_branch_stays(self):
        extended = self.network(global_context=True)
        assert with_global_context(extended, "tiny") is extended

    def test_the_presets_have_the_channels_of_the_branch(self):
        assert self.network(global_context=True).settings["global_context"] == [
            4,
            8,
            8,
            8,
        ]
        assert self.network().settings["global_context"] is None
        default = self.network("default", global_context=True)
        assert default.settings["global_context"] == [24, 48, 96, 128]
        assert default.global_context.features == 128


@pytest.mark.usefixtures("float64")
class TestSTRRN:
    @pytest.mark.parametrize("spatial", [True, False])
    def test_twin(self, spatial):
        model = randomise(STRRN(relation=2, spatial=spatial, **SMALL))
        components = list(COMPONENTS.values()) if spatial else [tuple(range(68))]
        if not spatial:
            assert model.relations == []
        given, start = frames(), starts()
        expected = replica_of(model, given, start, components)
        received = numpy(model({"frames": given, "start": start}))
        assert np.abs(expected - start).max() > 1
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-10)

    def test_components_can_be_chosen(self):
        halves = [list(range(34)), list(range(34, 68))]
        model = randomise(STRRN(relation=2, components=halves, **SMALL))
        given, start = frames(), starts()
        expected = replica_of(model, given, start, halves)
        received = numpy(model({"frames": given, "start": start}))
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-10)

    def test_samples_of_a_batch_do_not_mix(self):
        model = randomise(STRRN(relation=2, **SMALL))
        given, start = frames(2), starts(2)
        together = numpy(model({"frames": given, "start": start}))
        alone = numpy(model({"frames": given[1:], "start": start[1:]}))
        np.testing.assert_allclose(together[1:], alone, rtol=0, atol=1e-10)

    def test_moving_frame_and_start_together_moves_the_answer(self):
        model = randomise(STRRN(relation=2, **SMALL))
        given, start = frames(), starts()
        moved, shift = np.roll(given, (4, -3), axis=(1, 2)), np.array([-3.0, 4.0])
        answer = numpy(model({"frames": given, "start": start}))
        other = numpy(model({"frames": moved, "start": start + shift}))
        np.testing.assert_allclose(other, answer + shift, rtol=0, atol=1e-9)


def test_an_untrained_tracker_returns_the_start():
    model = STRRN(relation=2, **SMALL)
    start = starts(2).astype("float32")
    received = numpy(model({"frames": frames(2).astype("float32"), "start": start}))
    np.testing.assert_array_equal(received, start)


def test_forward_and_backward_are_one_network():
    tracker = randomise(STRRN(relation=2, **SMALL))
    trainer = TrackerTrainer(tracker, AlgorithmConfig(rollout_steps=0))
    inputs = {
        "frames": np.stack([frames(1), frames(1, seed=4)], 1).astype("float32"),
        "start": starts().astype("float32"),
        "detected": starts(seed=9).astype("float32"),
    }
    assert [id(v) for v in trainer.trainable_variables] == [
        id(v) for v in tracker.trainable_variables
    ]
    answer = numpy(trainer(inputs))

    def track(frame, start):
        return numpy(tracker({"frames": inputs["frames"][:, frame], "start": start}))

    tracked = track(1, inputs["start"])
    close = {"rtol": 1e-5, "atol": 1e-3}
    np.testing.assert_allclose(answer["tracked"], tracked, **close)
    back = track(0, tracked)
    np.testing.assert_allclose(answer["back_from_tracked"], back, **close)
    back = track(0, inputs["detected"])
    np.testing.assert_allclose(answer["back_from_detected"], back, **close)

    # A change of one weight is seen in both directions.
    tracker.regress.bias.assign_add(np.ones(136, "float32"))
    changed = numpy(trainer(inputs))
    for name in ("tracked", "back_from_detected"):
        np.testing.assert_allclose(changed[name] - answer[name], 3.0, rtol=1e-3)


SMALL_HGN = {"stem": 4, "channels": 4, "stacks": 2, "depth": 1}


class TestHGN:
    @pytest.mark.parametrize(
        ("input_size", "field", "norms"), [(32, 315, 3), (160, 315, 2), (32, 203, 1)]
    )
    def test_twin(self, input_size, field, norms):
        # The resizing of TensorFlow is single precision, so all of it is.
        sizes = {"input_size": input_size, "field": field, "norms": norms}
        # Wider after the halving, where there is one norm.
        widths = (6,) if norms == 1 else None
        model = randomise(HGN(**sizes, **SMALL_HGN, widths=widths))
        given = frames().astype("float32")
        received = numpy(model(given))
        weights = hgn_weights(model)
        answers, heat_maps = twins.hgn(
            given[0].astype(np.float64), weights, input_size, 2, field
        )
        assert np.ptp(answers, axis=1).min() > 1
        np.testing.assert_allclose(
            received["refinements"][0], answers, rtol=1e-5, atol=1e-3
        )
        np.testing.assert_allclose(
            received["heat_maps"][0], heat_maps, rtol=1e-4, atol=1e-7
        )

    @pytest.mark.parametrize(("input_size", "middle"), [(32, 156.5), (160, 157.0)])
    def test_even_heat_maps_say_the_middle_of_what_the_network_sees(
        self, input_size, middle
    ):
        model = HGN(input_size=input_size, **{**SMALL_HGN, "stacks": 1})
        model.get_layer("heat_map_0").kernel.assign(
            keras.ops.zeros_like(model.get_layer("heat_map_0").kernel)
        )
        received = numpy(model(frames().astype("float32"))["refinements"])
        np.testing.assert_allclose(received, middle, rtol=1e-6)

    def test_a_resized_picture_lies_where_decoding_assumes(self):
        # A bright blob, averaged and resized as the network does it, is decoded as a
        # heat map: it must come back where it was.
        y, x = np.mgrid[:315, :315]
        blob = np.exp(-((x - 170.0) ** 2 + (y - 120.0) ** 2) / (2 * 15.0**2))
        given = np.repeat(blob[None, :, :, None], 3, -1).astype("float32")
        for input_size, field, extent in (
            (64, 315, 314),
            (256, 315, 315),
            (64, 267, 266),
        ):
            sizes = {**SMALL_HGN, "stacks": 1}
            model = HGN(input_size=input_size, field=field, **sizes)
            assert model.get_layer("soft_argmax").extent == extent
            seen = keras.Model(model.input, model.get_layer("stem_conv").input)
            small = numpy(seen(given))[..., :1]
            decoded = model.get_layer("soft_argmax")(small / small.sum())
            np.testing.assert_allclose(numpy(decoded)[0, 0], [170, 120], atol=0.05)

    def test_the_field_is_checked(self):
        for field in (266, 317, 0):
            with pytest.raises(ValueError, match="`field` must be odd"):
                HGN(field=field, **SMALL_HGN)

    def test_there_is_a_width_for_every_halving(self):
        with pytest.raises(ValueError, match="`widths` must be 1, one for every"):
            HGN(widths=(4, 4), **SMALL_HGN)


def hgn_weights(model):
    weights = {}
    for layer in model.layers:
        if layer.name.startswith("hourglass"):
            weights[layer.name] = hourglass_weights(layer)
        elif hasattr(layer, "norms"):
            weights[layer.name] = residual_weights(layer)
        else:
            weights[layer.name] = arrays(layer)
    return weights


class TestPresets:
    @pytest.mark.parametrize("backbone", ["mdm", "hgn"])
    def test_tiny_is_small_and_answers(self, backbone):
        config = RunConfig(backbone=backbone, preset="tiny")
        detector, tracker = build_networks(config, SHAPE)
        assert detector.count_params() < 120_000
        assert tracker.count_params() < 120_000
        given = frames().astype("float32")
        assert detector(given)["refinements"].shape[2:] == (68, 2)

    def test_mixed_precision_is_of_the_hourglasses_alone(self):
        config = RunConfig(backbone="hgn", preset="tiny", mixed_precision=True)
        mixed, tracker = build_networks(config, SHAPE)
        assert mixed.get_layer("hourglass_0").compute_dtype == "bfloat16"
        assert tracker.compute_dtype == keras.config.dtype_policy().name == "float32"
        assert {v.dtype for v in mixed.weights} == {"float32"}
        # On several devices a copy is what learns.
        copy = DetectorTrainer(mixed).replica().detector
        assert copy.get_layer("hourglass_0").compute_dtype == "bfloat16"
        exact = rebuilt(randomise(mixed))
        assert exact.get_layer("hourglass_0").compute_dtype == "float32"
        given = frames().astype("float32")
        answers = [numpy(model(given)["refinements"]) for model in (mixed, exact)]
        assert {a.dtype.name for a in answers} == {"float32"}
        # A heat map cell is 5 px here; what is rounded are features, not places.
        assert 0 < np.abs(answers[0] - answers[1]).max() < 1.5

    @pytest.mark.parametrize("frozen", [False, True])
    def test_statistics_of_an_hgn_can_be_frozen_while_it_learns(self, frozen):
        config = RunConfig(backbone="hgn", preset="tiny")
        detector = randomise(build_networks(config, SHAPE)[0])
        given = frames().astype("float32")
        # It learns its own answers, moved: the gradients are small and not zero.
        target = numpy(detector(given)["refinements"])[:, -1] + 3
        trainer = DetectorTrainer(detector, frozen_statistics=frozen)
        learner = trainer.replica()
        learner.compile(optimizer=keras.optimizers.SGD(1e-3))
        learner.train_on_batch({"frames": given, "landmarks": target})
        places = [
            (variable.path.rpartition("/")[2], np.abs(after - before).max())
            for variable, before, after in zip(
                detector.weights,
                detector.get_weights(),
                learner.detector.get_weights(),
                strict=True,
            )
        ]
        moved = {"moving": 0.0, "learnt": 0.0}
        for name, change in places:
            kind = "moving" if name.startswith("moving") else "learnt"
            moved[kind] = max(moved[kind], change)
        assert moved["learnt"] > 0
        assert (moved["moving"] == 0) == frozen

    def test_an_hgn_goes_on_at_another_size_with_its_weights(self):
        config = RunConfig(backbone="hgn", preset="tiny", input_size=128)
        large, _ = build_networks(config, SHAPE)
        small = rebuilt(randomise(large), input_size=64)
        for network, side in ((large, 32), (small, 16)):
            answer = network(frames().astype("float32"))
            assert answer["heat_maps"].shape[1:] == (side, side, 68)
        for a, b in zip(large.get_weights(), small.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_the_same_seed_makes_the_same_networks(self):
        def build():
            keras.utils.set_random_seed(3)
            return build_networks(RunConfig(preset="tiny"), SHAPE)

        for one, other in zip(build(), build(), strict=True):
            for a, b in zip(arrays(one), arrays(other), strict=True):
                np.testing.assert_array_equal(a, b)

    def test_without_the_spatial_module_there_is_one_encoder(self):
        config = RunConfig(preset="tiny", algorithm=AlgorithmConfig(spatial=False))
        tracker = build_networks(config, SHAPE)[1]
        assert tracker.relations == []
        assert len(tracker.appearance.encoders) == 1
        whole = build_networks(RunConfig(preset="tiny"), SHAPE)[1]
        assert len(whole.relations) == len(whole.appearance.encoders) == 5

    @pytest.mark.slow
    @pytest.mark.parametrize("backbone", ["mdm", "hgn"])
    def test_networks_of_the_preset_fast_take_halved_crops(self, backbone):
        config = RunConfig(backbone=backbone, preset="fast")
        detector, tracker = build_networks(config, SHAPE)
        for network in (detector, tracker):
            randomise(network)
        rng = np.random.default_rng(4)
        frames = rng.uniform(size=(1, 315, 315, 3)).astype("float32")
        # Pixel k of a halved crop is the mean of the pixels 2 k + 1 and 2 k + 2.
        halved = frames[:, 1:, 1:].reshape(1, 157, 2, 157, 2, 3).mean((2, 4))
        start = SHAPE[None].astype("float32")
        found = numpy(detector(frames, training=False))["refinements"][:, -1]
        half = numpy(detector.call_halved(halved))
        np.testing.assert_allclose(2 * half + 1.5, found, atol=1e-3)
        found = numpy(tracker({"frames": frames, "start": start}))
        half = numpy(tracker.call_halved(halved, (start - 1.5) / 2))
        np.testing.assert_allclose(2 * half + 1.5, found, atol=1e-3)
        assert np.abs(found - start).max() > 0.1

    def test_the_paper_preset_has_the_published_size(self):
        detector, _ = build_networks(RunConfig(preset="paper"), SHAPE)
        # Two convolutions, 68 x 2304 + 512 to 512, 512 to 136.
        convolutions = 27 * 32 + 32 + 9 * 32 * 32 + 32
        recurrent = (68 * 2304 + 512) * 512 + 512
        assert detector.count_params() == convolutions + recurrent + 512 * 136 + 136

    @pytest.mark.slow
    def test_the_paper_preset_has_the_published_stem(self):
        detector, _ = build_networks(RunConfig(backbone="hgn", preset="paper"), SHAPE)
        shapes = [
            detector.get_layer(name).output.shape[1:]
            for name in ("stem_conv", "stem_residual", "stem_pooled", "stem_out")
        ]
        wide, half = (128, 128), (64, 64)
        expected = [(*wide, 64), (*wide, 128), (*half, 128), (*half, 256)]
        assert shapes == expected
        assert detector.get_layer("stem_conv").kernel_size == (7, 7)
        assert len([x for x in detector.layers if "hourglass" in x.name]) == 8


def test_the_gradient_with_respect_to_the_start_is_right():
    keras.config.set_dtype_policy("float64")
    try:
        model = randomise(STRRN(relation=2, **SMALL))
    finally:
        keras.config.set_dtype_policy("float32")
    given, start = tf.constant(frames()), tf.constant(starts())
    weights = np.random.default_rng(2).normal(size=(1, 68, 2))

    def value(shape):
        return tf.reduce_sum(model({"frames": given, "start": shape}) * weights)

    with tf.GradientTape() as tape:
        tape.watch(start)
        total = value(start)
    received = numpy(tape.gradient(total, start))
    for point, axis in ((0, 0), (30, 1), (36, 0), (50, 1)):
        step = np.zeros((1, 68, 2))
        step[0, point, axis] = 1e-6
        expected = numpy(value(start + step) - value(start - step)) / 2e-6
        np.testing.assert_allclose(received[0, point, axis], expected, rtol=1e-5)
