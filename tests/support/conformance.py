"""What every layer and model must do, and the table of all of them.

A new layer gets one row in ``CASES``; `test_conformance.py` does the rest.
"""

import functools
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from strrn_tf.landmarks import COMPONENTS, NOSE_ROOT
from strrn_tf.layers.appearance import GroupAppearance
from strrn_tf.layers.bottleneck import Bottleneck
from strrn_tf.layers.geometry_relation import GeometryRelation, LogDistanceGeometry
from strrn_tf.layers.global_context import GlobalContext
from strrn_tf.layers.halving import Halving
from strrn_tf.layers.heat_maps import SoftArgmax, SpatialSoftmax
from strrn_tf.layers.hourglass import Hourglass
from strrn_tf.layers.patch_encoder import PatchEncoder
from strrn_tf.layers.patches import PatchSampler
from strrn_tf.layers.residual import Residual
from strrn_tf.models.hgn import HGN, Stack
from strrn_tf.models.mdm import MDM
from strrn_tf.models.strrn import STRRN
from strrn_tf.tracking.networks.litert import LiteRTModel
from support.toy_models import toy_mean_shape
from support.weights import SMALL, numpy, randomise

FRAMES = (1, 315, 315, 3)
# A halved crop is smoother, and two channels may be dead.
WIDER = SMALL | {"channels": (4, 8), "features": 8}


class Case(NamedTuple):
    """One layer or model: how it is made, and the arguments it is called with."""

    name: str
    make: Callable[[], keras.Layer]
    inputs: Callable[[np.random.Generator], tuple]


def _random(*shapes: tuple) -> Callable[[np.random.Generator], tuple]:
    return lambda rng: tuple(rng.uniform(0, 1, s).astype("float32") for s in shapes)


def _face(rng: np.random.Generator) -> np.ndarray:
    return (toy_mean_shape()[None] + rng.normal(0, 2, (1, 68, 2))).astype("float32")


def _sampler_inputs(rng: np.random.Generator) -> tuple:
    frames = rng.uniform(0, 1, (2, 12, 10, 3)).astype("float32")
    return frames, rng.uniform(-3, 13, (2, 6, 2)).astype("float32")


def _maps(rng: np.random.Generator) -> tuple:
    maps = rng.uniform(0, 1, (2, 6, 5, 3)).astype("float32")
    return (maps / maps.sum((1, 2), keepdims=True),)


def _tracker_inputs(rng: np.random.Generator) -> tuple:
    frames = rng.uniform(0, 1, FRAMES).astype("float32")
    return ({"frames": frames, "start": _face(rng)},)


def _three(rng: np.random.Generator) -> tuple:
    return (list(_random((2, 4, 2), (2, 4, 2), (2, 4, 2))(rng)),)


def _half_hgn() -> HGN:
    return HGN(
        **{"input_size": 64, "field": 128, "reduction": 2, "block": "bottleneck"},
        **{"stem": 12, "channels": 12, "stacks": 1, "depth": 1},
    )


CASES = (
    Case("PatchSampler", lambda: PatchSampler(4), _sampler_inputs),
    Case(
        "PatchEncoder mdm",
        lambda: PatchEncoder((2, 3), None, "mdm"),
        _random((2, 3, 14, 14, 3)),
    ),
    Case(
        "PatchEncoder strided",
        lambda: PatchEncoder((2, 3), 4, "strided"),
        _random((2, 3, 9, 9, 3)),
    ),
    Case("GlobalContext", lambda: GlobalContext((2, 3), 4), _random((2, 20, 20, 3))),
    Case(
        "GroupAppearance",
        lambda: GroupAppearance([[0, 1], [4, 2], [3]], (2, 2), 3),
        _random((2, 5, 9, 9, 3)),
    ),
    Case(
        "LogDistanceGeometry",
        lambda: LogDistanceGeometry(COMPONENTS["nose"], NOSE_ROOT),
        lambda rng: (_face(rng),),
    ),
    Case("GeometryRelation", lambda: GeometryRelation(5), _random((2, 3, 4, 8))),
    Case("Residual", lambda: Residual(6), _random((2, 4, 4, 4))),
    Case("Residual of one norm", lambda: Residual(6, 1), _random((2, 4, 4, 4))),
    Case("Bottleneck", lambda: Bottleneck(6), _random((2, 4, 4, 4))),
    Case("Halving", Halving, _random(FRAMES)),
    Case("Hourglass", lambda: Hourglass([8, 8, 8]), _random((2, 8, 4, 8))),
    Case(
        "Hourglass of bottlenecks",
        # With fewer channels all ReLUs of a block may be dead.
        lambda: Hourglass([12, 12, 12], block="bottleneck"),
        _random((2, 8, 4, 12)),
    ),
    Case("SoftArgmax", lambda: SoftArgmax(64.0, 3.0), _maps),
    Case("SpatialSoftmax", SpatialSoftmax, _random((2, 4, 5, 3))),
    Case("Stack", lambda: Stack(name="stack"), _three),
    Case(
        "MDM", lambda: MDM(toy_mean_shape().tolist(), steps=2, **SMALL), _random(FRAMES)
    ),
    Case(
        "MDM with a global context branch",
        lambda: MDM(toy_mean_shape().tolist(), steps=2, global_context=(2, 3), **SMALL),
        _random(FRAMES),
    ),
    Case(
        "HGN",
        lambda: HGN(input_size=32, stem=4, channels=4, stacks=2, depth=1),
        _random(FRAMES),
    ),
    Case(
        "HGN of the middle",
        lambda: HGN(32, stem=4, channels=12, stacks=1, depth=1, norms=1, field=203),
        _random(FRAMES),
    ),
    Case("HGN of half the resolution", _half_hgn, _random(FRAMES)),
    Case(
        "MDM of half the resolution",
        lambda: MDM(toy_mean_shape().tolist(), steps=2, reduction=2, **SMALL),
        _random(FRAMES),
    ),
    Case(
        "STRRN of half the resolution",
        lambda: STRRN(relation=2, reduction=2, **WIDER),
        _tracker_inputs,
    ),
    Case("STRRN", lambda: STRRN(relation=2, **SMALL), _tracker_inputs),
    Case(
        "STRRN without spatial module",
        lambda: STRRN(relation=2, spatial=False, **SMALL),
        _tracker_inputs,
    ),
)


class Subject(NamedTuple):
    """A case, made: with random weights, and its answer to the inputs."""

    layer: keras.Layer
    inputs: tuple
    answer: Any


@functools.lru_cache(maxsize=1)
def prepare(case: Case) -> Subject:
    """Make the layer, build it by a call, and give it random weights."""
    inputs = case.inputs(np.random.default_rng(5))
    layer = case.make()
    layer(*inputs)
    randomise(layer)
    return Subject(layer, inputs, numpy(layer(*inputs)))


def check_config(subject: Subject) -> None:
    """The configuration survives JSON and makes an equal layer."""
    layer = subject.layer
    config = json.loads(json.dumps(layer.get_config()))
    copy = type(layer).from_config(config)
    assert json.loads(json.dumps(copy.get_config())) == config
    copy(*subject.inputs)
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]
    assert [w.path for w in copy.weights] == [w.path for w in layer.weights]


def check_shapes(subject: Subject) -> None:
    """Symbolic call, ``compute_output_shape`` and eager call agree."""
    layer, inputs, answer = subject
    symbolic = _placeholders(inputs)
    expected = tree.map_structure(lambda a: (None, *a.shape[1:]), answer)
    received = layer(*symbolic)
    assert tree.map_structure(lambda t: tuple(t.shape), received) == expected
    shapes = [tree.map_structure(lambda t: t.shape, s) for s in symbolic]
    computed = layer.compute_output_shape(*shapes)
    plain = computed if isinstance(computed, dict) else tuple(computed)
    assert plain == expected


def check_saving(subject: Subject, path: Any) -> None:
    """What a ``.keras`` file gives back answers alike, to the last bit."""
    layer, inputs, answer = subject
    model = layer
    if not isinstance(layer, keras.Model):
        symbolic = _placeholders(inputs)
        model = keras.Model(tree.flatten(symbolic), layer(*symbolic))
        inputs = (tree.flatten(inputs),)
    model.save(path)
    loaded = keras.models.load_model(path, compile=False)
    _compare(numpy(loaded(*inputs)), answer, exact=True)


def check_graph(subject: Subject) -> None:
    """A traced call answers like an eager one."""
    layer, inputs, answer = subject
    _compare(numpy(tf.function(layer)(*inputs)), answer)


def check_gradients(subject: Subject) -> None:
    """Every weight and every input has a finite gradient that is not zero."""
    layer, inputs, _ = subject
    given = tree.map_structure(tf.constant, inputs)
    sources = [v.value for v in layer.trainable_variables] + tree.flatten(given)
    with tf.GradientTape() as tape:
        tape.watch(tree.flatten(given))
        outputs = tree.flatten(layer(*given))
        total = sum(tf.reduce_sum(o * _weights(o.shape)) for o in outputs)
    gradients = tape.gradient(total, sources)
    assert all(g is not None for g in gradients)
    values = [np.asarray(tf.convert_to_tensor(g)) for g in gradients]
    assert all(np.isfinite(v).all() for v in values)
    names = [v.path for v in layer.trainable_variables]
    names += [f"input {i}" for i in range(len(tree.flatten(given)))]
    pairs = zip(names, values, strict=True)
    assert not [name for name, value in pairs if not np.any(value)]


def check_tflite(subject: Subject, path: Any) -> None:
    """Builtin operators are enough, and LiteRT answers alike."""
    layer, inputs, answer = subject
    flat = {f"input_{i}": a for i, a in enumerate(tree.flatten(inputs))}

    def call(*arrays: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = layer(*tree.pack_sequence_as(inputs, arrays))
        return {f"output_{i}": o for i, o in enumerate(tree.flatten(outputs))}

    owner = tf.Module()
    owner.weights = [v.value for v in layer.variables]
    owner.function = tf.function(call)
    specs = [tf.TensorSpec(a.shape, a.dtype, name) for name, a in flat.items()]
    function = owner.function.get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    path.write_bytes(converter.convert())
    outputs = LiteRTModel(path)(**flat)
    received = [outputs[f"output_{i}"] for i in range(len(outputs))]
    _compare(received, tree.flatten(answer))


def _placeholders(inputs: tuple) -> tuple:
    return tree.map_structure(lambda a: keras.Input(a.shape[1:]), inputs)


def _weights(shape: tuple) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def _compare(received: Any, expected: Any, exact: bool = False) -> None:
    for a, b in zip(tree.flatten(received), tree.flatten(expected), strict=True):
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            scale = max(1.0, np.abs(b).max())
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale)
