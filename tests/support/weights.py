"""Weights for tests: random ones for a layer, and a layer's as NumPy arrays."""

import keras
import numpy as np

# Sizes of an MDM or a tracker that is quickly traced.
SMALL = {"patch_size": 9, "channels": (2, 2), "features": 2, "hidden": 8}


def randomise(layer, seed=0):
    """Give every variable a random value that keeps activations near one."""
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        shape = variable.shape
        if not shape:
            continue  # counters and seeds
        if "gamma" in variable.path or "variance" in variable.path:
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            value = rng.normal(0, 0.3, shape)
        else:
            value = rng.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)
        variable.assign(value)
    return layer


def arrays(*layers):
    """Return the weights of layers one after the other, as float64."""
    return [
        np.asarray(keras.ops.convert_to_numpy(w), np.float64)
        for layer in layers
        for w in layer.weights
    ]


def numpy(tensors):
    """Return the tensors of any nesting as NumPy arrays."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def encoder_weights(encoder):
    dense = [encoder.dense] if encoder.dense else []
    return arrays(*encoder.convolutions, *dense)


def residual_weights(layer):
    return {
        "norms": [arrays(norm) for norm in layer.norms],
        "convolutions": [arrays(c) for c in layer.convolutions],
        "skip": arrays(layer.skip) if layer.skip.built else None,
    }


def hourglass_weights(layer):
    inner = hourglass_weights if layer.depth > 1 else residual_weights
    return {
        "side": residual_weights(layer.side),
        "enter": residual_weights(layer.enter),
        "inner": inner(layer.inner),
        "leave": residual_weights(layer.leave),
    }
