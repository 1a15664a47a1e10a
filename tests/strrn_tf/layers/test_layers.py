"""Every layer against its NumPy twin, and cases that can be worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops
from support.reference import layers as twins
from support.reference.convolution import bilinear, conv2d, relu
from support.weights import (
    arrays,
    encoder_weights,
    hourglass_weights,
    numpy,
    randomise,
    residual_weights,
)

from strrn_tf.landmarks import COMPONENTS, NOSE_ROOT
from strrn_tf.layers.appearance import GroupAppearance
from strrn_tf.layers.bottleneck import Bottleneck
from strrn_tf.layers.geometry_relation import GeometryRelation, LogDistanceGeometry
from strrn_tf.layers.global_context import GlobalContext
from strrn_tf.layers.heat_maps import SoftArgmax, SpatialSoftmax
from strrn_tf.layers.hourglass import Hourglass
from strrn_tf.layers.patch_encoder import PatchEncoder
from strrn_tf.layers.patches import PatchSampler
from strrn_tf.layers.residual import Residual
from strrn_tf.models.hgn import Stack

RNG = np.random.default_rng(11)


def ramp(height=9, width=12):
    """Return a frame (1, H, W, 2) whose value is the coordinate: x, then y."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    return np.stack([x, y], -1)[None]


def patch_of(frames, x, y, size):
    sampler = PatchSampler(size)
    return numpy(sampler(frames, np.array([[[x, y]]], np.float64)))[0, 0]


def close(received, expected, atol=1e-10):
    assert received.dtype == np.float64
    np.testing.assert_allclose(received, expected, rtol=1e-10, atol=atol)


@pytest.mark.usefixtures("float64")
class TestPatchSampler:
    @pytest.mark.parametrize("size", [1, 4, 5])
    def test_twin(self, size):
        frames = RNG.uniform(0, 1, (2, 8, 11, 3))
        landmarks = RNG.uniform(-6, 16, (2, 7, 2))
        landmarks[0, :3] = [[3, 4], [3.5, 4.5], [-0.25, 7.75]]
        expected = twins.sample_patches(frames, landmarks, size)
        close(numpy(PatchSampler(size)(frames, landmarks)), expected)

    def test_an_odd_patch_is_centred_on_the_landmark(self):
        patch = patch_of(ramp(), 5, 4, 3)
        close(patch[..., 0], [[4, 5, 6]] * 3)
        close(patch[..., 1], [[3] * 3, [4] * 3, [5] * 3])

    def test_an_even_patch_has_the_landmark_between_its_pixels(self):
        patch = patch_of(ramp(), 5, 4, 4)
        close(patch[0, :, 0], [3.5, 4.5, 5.5, 6.5])
        close(patch[:, 0, 1], [2.5, 3.5, 4.5, 5.5])

    def test_a_shift_below_a_pixel_is_exact_on_a_ramp(self):
        patch = patch_of(ramp(), 5.3, 4.85, 3)
        close(patch[1, :, 0], [4.3, 5.3, 6.3])
        close(patch[:, 1, 1], [3.85, 4.85, 5.85])

    @pytest.mark.parametrize(
        ("x", "y", "columns", "rows"),
        [
            (0, 0, [0, 0, 1], [0, 0, 1]),
            (11, 8, [10, 11, 11], [7, 8, 8]),
            (-0.5, 8.25, [0, 0, 0.5], [7.25, 8, 8]),
            (-1000, 1000, [0, 0, 0], [8, 8, 8]),
        ],
    )
    def test_the_border_is_repeated(self, x, y, columns, rows):
        patch = patch_of(ramp(), x, y, 3)
        close(patch[1, :, 0], columns)
        close(patch[:, 1, 1], rows)

    def test_the_gradient_is_that_of_finite_differences(self):
        import tensorflow as tf

        frames = RNG.uniform(0, 1, (2, 9, 9, 2))
        landmarks = RNG.integers(-1, 10, (2, 6, 2)) + RNG.uniform(0.1, 0.9, (2, 6, 2))
        weights = RNG.normal(size=(2, 6, 3, 3, 2))
        sampler = PatchSampler(3)

        def value(shape):
            return ops.sum(sampler(frames, shape) * weights)

        shape = tf.constant(landmarks)
        with tf.GradientTape() as tape:
            tape.watch(shape)
            total = value(shape)
        received = numpy(tape.gradient(total, shape))
        expected = np.zeros_like(landmarks)
        for place in np.ndindex(landmarks.shape):
            step = np.zeros_like(landmarks)
            step[place] = 1e-5
            change = value(landmarks + step) - value(landmarks - step)
            expected[place] = numpy(change) / 2e-5
        assert np.abs(expected).max() > 0.5
        close(received, expected, atol=1e-8)

    def test_size_must_be_positive(self):
        with pytest.raises(ValueError, match="`patch_size` must be positive"):
            PatchSampler(0)


@pytest.mark.usefixtures("float64")
class TestPatchEncoder:
    @pytest.mark.parametrize("style", ["mdm", "strided"])
    @pytest.mark.parametrize("features", [None, 3])
    @pytest.mark.parametrize("side", [14, 15, 17])
    def test_twin(self, style, features, side):
        patches = RNG.uniform(0, 1, (2, 2, side, side, 3))
        encoder = PatchEncoder((3, 2), features, style)
        encoder.build(patches.shape)
        randomise(encoder)
        expected = twins.encode_patches(patches, encoder_weights(encoder), style)
        assert np.ptp(expected) > 0.1
        close(numpy(encoder(patches)), expected)

    @pytest.mark.parametrize(("side", "count"), [(30, 2304), (26, 1600)])
    def test_published_sizes(self, side, count):
        encoder = PatchEncoder((32, 32), None, "mdm")
        assert encoder.compute_output_shape((1, 68, side, side, 3)) == (1, 68, count)

    def test_unknown_style(self):
        with pytest.raises(ValueError, match="`style` must be 'mdm' or 'strided'"):
            PatchEncoder(style="vgg")


@pytest.mark.usefixtures("float64")
class TestGlobalContext:
    @pytest.mark.parametrize(("side", "channels"), [(23, (2,)), (60, (2, 3))])
    def test_twin(self, side, channels):
        frames = RNG.uniform(0, 1, (2, side, side, 3))
        layer = GlobalContext(channels, 4)
        layer.build(frames.shape)
        randomise(layer)
        parts = (*layer.convolutions, layer.norm, layer.dense)
        expected = twins.global_context(frames, arrays(*parts))
        assert np.ptp(expected) > 0.1
        close(numpy(layer(frames)), expected)

    def test_without_convolutions(self):
        with pytest.raises(ValueError, match="`channels` must name a convolution"):
            GlobalContext(())


@pytest.mark.usefixtures("float64")
class TestGroupAppearance:
    # The second component is no run of neighbours; one landmark belongs to none.
    components = ((0, 1, 2), (5, 3), (6,))

    def layer(self, patches):
        layer = GroupAppearance(self.components, (2, 2), 3)
        layer.build(patches.shape)
        return randomise(layer)

    def test_twin(self):
        patches = RNG.uniform(0, 1, (2, 7, 9, 9, 3))
        layer = self.layer(patches)
        weights = [encoder_weights(e) for e in layer.encoders]
        close(
            numpy(layer(patches)),
            twins.group_appearance(patches, self.components, weights, "strided"),
        )

    def test_components_share_no_weights_and_members_share_all(self):
        patches = np.repeat(RNG.uniform(0, 1, (1, 1, 9, 9, 3)), 7, axis=1)
        jaw, other, single = np.split(numpy(self.layer(patches)(patches))[0], [3, 5])
        close(jaw, jaw[[0, 0, 0]])
        close(other, other[[0, 0]])
        assert np.abs(jaw[0] - other[0]).max() > 1e-3
        assert np.abs(other[0] - single[0]).max() > 1e-3


@pytest.mark.usefixtures("float64")
class TestGeometry:
    @pytest.mark.parametrize("component", sorted(COMPONENTS))
    def test_twin(self, component):
        members = COMPONENTS[component]
        landmarks = RNG.uniform(50, 250, (2, 68, 2))
        landmarks[0, members[0]] = landmarks[0, members[1]]
        received = numpy(LogDistanceGeometry(members, NOSE_ROOT)(landmarks))
        expected = twins.log_distance_geometry(landmarks, members, NOSE_ROOT)
        assert np.isfinite(expected).all()
        close(received, expected)

    def test_by_hand(self):
        # A face 100 px large: the landmarks are 20 and 10 px apart in x and in y.
        landmarks = np.zeros((1, 4, 2))
        landmarks[0] = [[10, 20], [30, 30], [110, 60], [60, 70]]
        features = numpy(LogDistanceGeometry([0, 1], 3)(landmarks))[0]
        assert features.shape == (2, 3, 8)
        pair, first, second = np.log([[0.2, 0.1], [0.5, 0.5], [0.3, 0.4]])
        close(features[0, 1], [*pair, *first, *pair, *second])
        close(features[1, 0], [*pair, *second, *pair, *first])
        nothing = np.log([1e-3, 1e-3])
        close(features[0, 0], [*nothing, *first, *nothing, *first])
        # The last partner is the nose itself.
        close(features[1, 2], [*second, *second, *second, *nothing])

    def test_translation_and_scale_do_not_matter_but_rotation_does(self):
        landmarks = RNG.uniform(50, 250, (1, 68, 2))
        layer = LogDistanceGeometry(COMPONENTS["mouth"], NOSE_ROOT)
        features = numpy(layer(landmarks))
        close(numpy(layer(landmarks + np.array([7.5, -31.0]))), features)
        close(numpy(layer(landmarks * 3.25)), features)
        turned = landmarks @ np.array([[0.6, -0.8], [0.8, 0.6]])
        assert np.abs(numpy(layer(turned)) - features).max() > 0.1

    def test_relation_twin(self):
        pairs = RNG.normal(size=(2, 4, 5, 8))
        layer = GeometryRelation(6)
        layer.build(pairs.shape)
        randomise(layer)
        close(numpy(layer(pairs)), twins.relation(pairs, *arrays(layer.dense)))


@pytest.mark.usefixtures("float64")
class TestHourglass:
    @pytest.mark.parametrize(("channels", "norms"), [(4, 3), (6, 3), (4, 2), (6, 1)])
    def test_residual_twin(self, channels, norms):
        x = RNG.normal(size=(2, 4, 3, 4))
        layer = Residual(channels, norms)
        layer.build(x.shape)
        randomise(layer)
        assert layer.skip.built == (channels != 4)
        weights = residual_weights(layer)
        close(numpy(layer(x)), np.stack([twins.residual(i, weights) for i in x]))

    @pytest.mark.parametrize("channels", [4, 6])
    def test_bottleneck_twin(self, channels):
        x = RNG.normal(size=(2, 4, 3, 4))
        layer = Bottleneck(channels)
        layer.build(x.shape)
        randomise(layer)
        skip = None
        if channels != 4:
            skip = arrays(layer.skip), arrays(layer.skip_norm)
        weights = {
            "norms": [arrays(norm) for norm in layer.norms],
            "convolutions": [arrays(c) for c in layer.convolutions],
            "skip": skip,
        }
        close(numpy(layer(x)), np.stack([twins.bottleneck(i, weights) for i in x]))

    def test_an_hourglass_is_made_of_the_block_that_is_named(self):
        layer = Hourglass([4, 4, 4], block="bottleneck")
        parts = layer.side, layer.enter, layer.leave, layer.inner.inner
        assert all(isinstance(part, Bottleneck) for part in parts)
        with pytest.raises(ValueError, match="`block` must be"):
            Hourglass([4, 4], block="dense")

    def test_residual_uses_the_batch_while_training(self):
        x = RNG.normal(2, 3, size=(3, 4, 4, 4))
        layer = Residual(4)
        layer.build(x.shape)
        randomise(layer)
        norm = layer.norms[0]
        before = arrays(norm)
        layer(x, training=True)
        mean = before[2] * 0.95 + x.mean((0, 1, 2)) * 0.05
        variance = before[3] * 0.95 + x.var((0, 1, 2)) * 0.05
        close(arrays(norm)[2], mean)
        close(arrays(norm)[3], variance)
        layer(x, training=False)
        close(arrays(norm)[2], mean)

    @pytest.mark.parametrize("depth", [1, 2])
    def test_hourglass_twin(self, depth):
        x = RNG.normal(size=(2, 4, 8, 4))
        layer = Hourglass([4] * (depth + 1))
        layer.build(x.shape)
        randomise(layer)
        weights = hourglass_weights(layer)
        close(numpy(layer(x)), np.stack([twins.hourglass(i, weights) for i in x]))

    def test_sizes_are_checked(self):
        with pytest.raises(ValueError, match="`widths` must be two or more"):
            Hourglass([4])
        with pytest.raises(ValueError, match="`norms` must be 1 to 3"):
            Residual(4, 0)
        with pytest.raises(ValueError, match="must be divisible by 4"):
            Hourglass([4, 4, 4]).build((1, 8, 6, 4))


@pytest.mark.usefixtures("float64")
class TestHeatMaps:
    def test_one_hot_maps_decode_to_their_cells(self):
        maps = np.zeros((1, 5, 4, 3))
        maps[0, 0, 0, 0] = maps[0, 4, 3, 1] = maps[0, 2, 1, 2] = 1
        # Cells are 20 / 4 = 5 px wide and 20 / 5 = 4 px high, the first from -0.5.
        received = numpy(SoftArgmax(20.0)(maps))
        close(received, [[[2.0, 1.5], [17.0, 17.5], [7.0, 9.5]]])

    def test_an_even_map_decodes_to_the_middle_of_the_frame(self):
        maps = np.full((1, 6, 6, 1), 1 / 36)
        close(numpy(SoftArgmax(315.0)(maps)), [[[157.0, 157.0]]])

    def test_between_two_cells(self):
        maps = np.zeros((1, 8, 8, 1))
        maps[0, 3, 2], maps[0, 3, 3] = 0.25, 0.75
        close(numpy(SoftArgmax(8.0)(maps)), [[[2.75, 3.0]]])

    def test_twins(self):
        logits = RNG.normal(0, 3, (2, 5, 7, 4))
        expected = np.stack([twins.spatial_softmax(i) for i in logits])
        maps = numpy(SpatialSoftmax()(logits))
        close(maps, expected)
        close(maps.sum((1, 2)), np.ones((2, 4)))
        shapes = np.stack([twins.soft_argmax(i, 64.0) for i in expected])
        close(numpy(SoftArgmax(64.0)(maps)), shapes)

    def test_softmax_of_huge_logits(self):
        logits = np.zeros((1, 3, 3, 1))
        logits[0, 1, 2] = 5000
        close(numpy(SoftArgmax(3.0)(SpatialSoftmax()(logits))), [[[2.0, 1.0]]])

    def test_stack(self):
        parts = [RNG.normal(size=(2, 4)) for _ in range(3)]
        stacked = numpy(Stack()(parts))
        for k, part in enumerate(parts):
            np.testing.assert_array_equal(stacked[:, k], part)


def test_the_twins_agree_with_cases_done_by_hand():
    image = np.arange(9.0).reshape(3, 3, 1)
    kernel = np.ones((2, 2, 1, 1))
    np.testing.assert_array_equal(conv2d(image, kernel)[..., 0], [[8, 12], [20, 24]])
    np.testing.assert_array_equal(relu(np.array([-1.0, 2.0])), [0, 2])
    np.testing.assert_allclose(bilinear(image, 0.5, 1.25), [4.25])


def test_a_layer_follows_the_precision_of_its_input_policy():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        patches = np.ones((1, 2, 9, 9, 3), "float32")
        assert PatchEncoder((2, 2), 3, "strided")(patches).dtype == "float16"
    finally:
        keras.config.set_dtype_policy("float32")
