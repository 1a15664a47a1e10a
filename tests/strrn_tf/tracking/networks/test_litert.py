"""A TFLite file is used by names, and every mistake is named."""

import numpy as np
import pytest
from support.toy_models import toy_models, toy_samples

from strrn_tf.tracking.networks.litert import LiteRTModel


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from strrn_tf.export.tflite import export_models

    target = tmp_path_factory.mktemp("models") / "toy"
    return export_models(*toy_models(), target, **toy_samples())


def test_litert_says_what_is_wrong(folder, tmp_path):
    path = folder / "tracker.tflite"
    model = LiteRTModel(path)
    assert model.inputs == {"frames": (1, 315, 315, 3), "start": (1, 68, 2)}
    assert model.outputs == ("landmarks",)
    frames = np.zeros((1, 315, 315, 3), np.float32)
    with pytest.raises(ValueError, match=r"takes the inputs \['frames', 'start'\]"):
        model(frames=frames)
    with pytest.raises(ValueError, match=r"`start` of tracker\.tflite"):
        model(frames=frames, start=np.zeros((68, 2), np.float32))
    with pytest.raises(ValueError, match="must have the inputs"):
        LiteRTModel(path, inputs={"frames": (1, 315, 315, 3)})
    with pytest.raises(ValueError, match="must have the outputs"):
        LiteRTModel(path, outputs=["heat_maps"])
    with pytest.raises(ValueError, match="`num_threads`"):
        LiteRTModel(path, num_threads=0)
    with pytest.raises(ValueError, match="There is no model file"):
        LiteRTModel(tmp_path / "none.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"not a model, but long enough to be read")
    with pytest.raises(ValueError, match=r"bad\.tflite is not a TFLite model"):
        LiteRTModel(tmp_path / "bad.tflite")
