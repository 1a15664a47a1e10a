"""Twins of MDM, STRRN and HGN. Weights are dictionaries by the names of the parts."""

import numpy as np

from support.reference.convolution import (
    average_pool,
    batch_norm,
    conv2d,
    dense,
    layer_norm,
    max_pool,
    relu,
    resize,
)
from support.reference.layers import (
    encode_patches,
    global_context,
    group_appearance,
    hourglass,
    log_distance_geometry,
    relation,
    residual,
    sample_patches,
    soft_argmax,
    spatial_softmax,
)


def mdm(frames, mean_shape, weights, steps, patch_size, style, offset_unit):
    """h <- tanh(W [features, h]); shape <- shape + patch side * (R h + r).

    With a global context branch in ``weights`` the first shape and h come from it.
    """
    batch = len(frames)
    shape = np.repeat(np.asarray(mean_shape, np.float64)[None], batch, 0)
    state = np.zeros((batch, weights["recurrent"][0].shape[1]))
    refinements = []
    if "global_context" in weights:
        context = global_context(frames, weights["global_context"])
        offset = dense(context, *weights["shape_head"]).reshape(shape.shape)
        shape = shape + offset_unit * offset
        state = np.tanh(dense(context, *weights["state_head"]))
        refinements.append(shape)
    for _ in range(steps):
        patches = sample_patches(frames, shape, patch_size)
        features = encode_patches(patches, weights["encoder"], style)
        features = features.reshape(batch, -1)
        kernel, bias = weights["recurrent"]
        state = np.tanh(np.concatenate([features, state], 1) @ kernel + bias)
        kernel, bias = weights["regress"]
        shape = shape + offset_unit * (state @ kernel + bias).reshape(shape.shape)
        refinements.append(shape)
    return np.stack(refinements, 1)


def strrn(frames, start, weights, components, root, patch_size, style):
    """Eq. 1 to 4: f_SR is all geometry, then all appearances; the answer an offset.

    Both halves are normalised. Without relations in ``weights`` there is no geometry.
    """
    batch = len(frames)
    *norms, appearance_norm = weights["norms"]
    parts = []
    if weights["relations"]:
        geometry = []
        for members, own in zip(components, weights["relations"], strict=True):
            pairs = log_distance_geometry(start, members, root)
            geometry.append(relation(pairs, *own).reshape(batch, -1))
        parts.append(layer_norm(np.concatenate(geometry, 1), *norms[0]))
    patches = sample_patches(frames, start, patch_size)
    appearance = group_appearance(patches, components, weights["appearance"], style)
    parts.append(layer_norm(appearance.reshape(batch, -1), *appearance_norm))
    kernel, bias = weights["fuse"]
    hidden = np.tanh(np.concatenate(parts, 1) @ kernel + bias)
    kernel, bias = weights["regress"]
    return start + 3.0 * (hidden @ kernel + bias).reshape(start.shape)


def hgn(frame, weights, input_size, stacks, field=315):
    """One frame of 315 px to (stacks, 68, 2) and the last heat maps (h, w, 68)."""
    first = (315 - field) // 2
    x = frame[first : first + field, first : first + field]
    pooled = input_size <= field // 2
    x = resize(average_pool(x) if pooled else x, input_size)
    extent = field - 1 if pooled else field
    x = conv2d(x, weights["stem_conv"][0], stride=2, padding="same")
    x = residual(relu(batch_norm(x, weights["stem_norm"])), weights["stem_residual"])
    x = residual(max_pool(x), weights["stem_out"])
    answers = []
    for s in range(stacks):
        y = residual(hourglass(x, weights[f"hourglass_{s}"]), weights[f"after_{s}"])
        y = conv2d(y, weights[f"linear_{s}"][0])
        y = relu(batch_norm(y, weights[f"linear_norm_{s}"]))
        logits = conv2d(y, *weights[f"heat_map_{s}"])
        heat_maps = spatial_softmax(logits)
        answers.append(first + soft_argmax(heat_maps, extent))
        if s + 1 < stacks:
            back = conv2d(y, *weights[f"features_back_{s}"])
            x = x + back + conv2d(logits, *weights[f"maps_back_{s}"])
    return np.stack(answers), heat_maps
