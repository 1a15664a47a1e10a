"""The composition root: the only place that knows the sizes of the networks."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from strrn_tf.config import Preset, RunConfig
from strrn_tf.models.hgn import HGN, arithmetic
from strrn_tf.models.mdm import MDM
from strrn_tf.models.strrn import STRRN
from strrn_tf.tracking.networks import model_folder

# MDM and the tracker: settings of the patch networks and of the layers after them.
# "paper" has MDM's published sizes; its recurrent matrix alone has 80 million weights.
_MDM: dict[Preset, dict[str, Any]] = {
    "tiny": {"steps": 2, "channels": (4, 4), "features": 4, "hidden": 32},
    "fast": {"offset_unit": 10.0, "reduction": 2, "patch_size": 15, "steps": 3},
    "default": {"offset_unit": 10.0},
    "paper": {"channels": (32, 32), "features": None, "style": "mdm", "hidden": 512},
}
_TRACKER: dict[Preset, dict[str, Any]] = {
    "tiny": {"channels": (4, 4), "features": 4, "relation": 2, "hidden": 32},
    # The paper's windows of 30 crop pixels at half the resolution.
    "fast": {"reduction": 2, "patch_size": 15},
    "default": {},
    "paper": {
        "channels": (32, 32),
        "features": None,
        "style": "mdm",
        "relation": 32,
        "hidden": 512,
    },
}
# Channels of an MDM's global context branch; the published network has none.
_GLOBAL_CONTEXT: dict[Preset, tuple[int, ...]] = {
    "tiny": (4, 8, 8, 8),
    "fast": (24, 48, 96, 128),
    "default": (24, 48, 96, 128),
}
# The published network: 256 pixels in, 8 stacks of width 256 (pose-hg-train opts.lua).
_HGN: dict[Preset, dict[str, Any]] = {
    "tiny": {"input_size": 64, "stem": 8, "channels": 16, "stacks": 1, "depth": 2},
    "default": {"norms": 1, "field": 267, "widths": (128, 192, 256, 256)},
    # Half the resolution of the crop. One stack of bottlenecks, a sixth of the default.
    "fast": {
        **{"stem": 16, "stacks": 1, "widths": (96, 128, 160, 160)},
        **{"block": "bottleneck", "field": 256, "reduction": 2},
    },
    "paper": {
        **{"input_size": 256, "stem": 64, "channels": 256, "stacks": 8},
        "published_stem": True,
    },
}
# Dtype policy of hourglasses, by whether they train in mixed precision.
_POLICY = {False: "float32", True: "mixed_bfloat16"}


def build_networks(
    config: RunConfig, mean_shape: np.ndarray
) -> tuple[keras.Model, STRRN]:
    """Return an untrained detector and tracker.

    Args:
        config: backbone, sizes, and whether the tracker has its spatial module.
        mean_shape: (68, 2) in crop pixels; where MDM starts.
    """
    preset = config.preset
    if config.backbone == "mdm":
        shape = np.asarray(mean_shape).tolist()
        context = _GLOBAL_CONTEXT[preset] if config.global_context else None
        detector = MDM(shape, **_MDM[preset], global_context=context, name="mdm")
    else:
        sizes = dict(_HGN[preset])
        if config.input_size:
            sizes["input_size"] = config.input_size
        with arithmetic(_POLICY[config.mixed_precision]):
            detector = HGN(**sizes, name="hgn")
    spatial = config.algorithm.spatial
    return detector, STRRN(**_TRACKER[preset], spatial=spatial, name="strrn")


def rebuilt(
    network: keras.Model, *, mixed: bool = False, input_size: int | None = None
) -> keras.Model:
    """Return an HGN with the same weights and another precision or input size.

    Other networks have one precision and one size, and are returned unchanged.

    Args:
        network: a detector.
        mixed: see ``RunConfig.mixed_precision``. Exported networks are float32.
        input_size: see ``RunConfig.input_size``; None: that of the network.

    Raises:
        ValueError: ``input_size`` cannot be halved as often as the network needs.
    """
    if not isinstance(network, HGN):
        return network
    settings = {**network.get_config(), "policy": _POLICY[mixed]}
    if input_size:
        settings["input_size"] = input_size
    copy = HGN.from_config(settings)
    copy.set_weights(network.get_weights())
    return copy


def with_global_context(network: keras.Model, preset: Preset) -> keras.Model:
    """Return an MDM with a global context branch and the same weights otherwise.

    Its answers are the same until it is trained. An MDM that has the branch is returned
    unchanged.

    Args:
        network: an MDM.
        preset: its sizes, not "paper".
    """
    if network.global_context:
        return network
    settings = {**network.get_config(), "global_context": _GLOBAL_CONTEXT[preset]}
    copy = MDM.from_config(settings)
    for part in ("encoder", "recurrent", "regress"):
        getattr(copy, part).set_weights(getattr(network, part).get_weights())
    return copy


def load_networks(folder: Path) -> tuple[keras.Model, STRRN]:
    """Return detector and tracker of an exported folder.

    Raises:
        ValueError: a file is missing or changed.
    """
    path = model_folder.verify(folder).path
    detector, tracker = (
        keras.models.load_model(path / f"{name}.keras", compile=False)
        for name in ("detector", "tracker")
    )
    return detector, tracker
