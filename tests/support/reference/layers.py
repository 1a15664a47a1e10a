"""Twins of `strrn_tf.layers`. Weights come as a list in the order of the layer."""

import numpy as np

from support.reference.convolution import (
    average_pool,
    batch_norm,
    bilinear,
    conv2d,
    dense,
    enlarge,
    layer_norm,
    max_pool,
    relu,
)


def sample_patches(frames, landmarks, size):
    """Pixel (i, j) of a patch lies at landmark + (j, i) - (P - 1) / 2."""
    batch, count, _ = landmarks.shape
    out = np.zeros((batch, count, size, size, frames.shape[-1]))
    for b in range(batch):
        for n in range(count):
            for i in range(size):
                for j in range(size):
                    x = landmarks[b, n, 0] + j - (size - 1) / 2
                    y = landmarks[b, n, 1] + i - (size - 1) / 2
                    out[b, n, i, j] = bilinear(frames[b], x, y)
    return out


def encode_patch(patch, weights, style):
    """(P, P, C) -> features; weights: two convolutions, then perhaps a dense layer."""
    kernel_1, bias_1, kernel_2, bias_2, *last = weights
    if style == "mdm":
        x = max_pool(relu(conv2d(patch, kernel_1, bias_1)))
        x = relu(conv2d(x, kernel_2, bias_2))
        pooled = max_pool(x)
        side = len(pooled)
        edge = (len(x) - side) // 2
        x = np.concatenate([x[edge : edge + side, edge : edge + side], pooled], -1)
    else:
        x = relu(conv2d(patch, kernel_1, bias_1, stride=2))
        x = relu(conv2d(x, kernel_2, bias_2, stride=2))
    x = x.reshape(-1)
    return relu(dense(x, *last)) if last else x


def encode_patches(patches, weights, style):
    """(B, L, P, P, C) -> (B, L, D)."""
    return np.array(
        [[encode_patch(patch, weights, style) for patch in row] for row in patches]
    )


def global_context(frames, weights):
    """(B, S, S, C) -> (B, D); weights: convolutions, normalisation, dense layer."""
    *convolutions, gamma, beta, kernel, bias = weights
    rows = []
    for x in frames:
        x = average_pool(x, 5)
        for i in range(0, len(convolutions), 2):
            x = relu(conv2d(x, *convolutions[i : i + 2], stride=2, padding="same"))
        rows.append(layer_norm(x.reshape(1, -1), gamma, beta)[0])
    return np.tanh(dense(np.array(rows), kernel, bias))


def group_appearance(patches, components, weights, style):
    """Eq. 1: every component has networks of its own; ``weights``: a list of each."""
    columns = []
    for members, own in zip(components, weights, strict=True):
        for m in members:
            columns.append([encode_patch(row[m], own, style) for row in patches])
    return np.swapaxes(np.array(columns), 0, 1)


def log_distance_geometry(landmarks, members, root):
    """CONCAT[phi^m, phi^n] for m in the component, n in the component and the nose."""
    batch = len(landmarks)
    out = np.zeros((batch, len(members), len(members) + 1, 8))
    for b in range(batch):
        shape = landmarks[b]
        size = max(np.ptp(shape[:, 0]), np.ptp(shape[:, 1]))

        def log(a, c, size=size):
            return [np.log(max(abs(a[k] - c[k]) / size, 1e-3)) for k in (0, 1)]

        for i, m in enumerate(members):
            for j, n in enumerate([*members, root]):
                phi_m = log(shape[m], shape[n]) + log(shape[m], shape[root])
                phi_n = log(shape[n], shape[m]) + log(shape[n], shape[root])
                out[b, i, j] = phi_m + phi_n
    return out


def relation(pairs, kernel, bias):
    """Eq. 2: the mean over n of relu(W . CONCAT[phi^m, phi^n] + b)."""
    out = np.zeros((*pairs.shape[:2], kernel.shape[1]))
    for b in range(pairs.shape[0]):
        for m in range(pairs.shape[1]):
            for n in range(pairs.shape[2]):
                out[b, m] += relu(dense(pairs[b, m, n], kernel, bias))
    return out / pairs.shape[2]


def residual(image, weights):
    """``weights``: ``norms`` (one to three), ``convolutions`` (three), ``skip``."""
    x = image
    settings = ("valid", "same", "valid")
    for i, padding in enumerate(settings):
        if i < len(weights["norms"]):
            x = batch_norm(x, weights["norms"][i])
        x = conv2d(relu(x), *weights["convolutions"][i], padding=padding)
    return x + (conv2d(image, *weights["skip"]) if weights["skip"] else image)


def bottleneck(image, weights):
    """``weights``: ``norms`` and ``convolutions`` (three each), ``skip``."""
    x = image
    for i, padding in enumerate(("valid", "same", "valid")):
        x = conv2d(x, *weights["convolutions"][i], padding=padding)
        x = batch_norm(x, weights["norms"][i])
        x = relu(x) if i < 2 else x
    if weights["skip"]:
        kernel, norm = weights["skip"]
        image = batch_norm(conv2d(image, *kernel), norm)
    return relu(x + image)


def hourglass(image, weights):
    """``weights``: side, enter, inner (residual or hourglass), leave."""
    inner = hourglass if "side" in weights["inner"] else residual
    low = residual(max_pool(image), weights["enter"])
    low = residual(inner(low, weights["inner"]), weights["leave"])
    return residual(image, weights["side"]) + enlarge(low)


def spatial_softmax(logits):
    """(h, w, L): every map sums to one."""
    out = np.zeros_like(logits)
    for n in range(logits.shape[-1]):
        exponential = np.exp(logits[..., n] - logits[..., n].max())
        out[..., n] = exponential / exponential.sum()
    return out


def soft_argmax(heat_maps, extent):
    """(h, w, L) -> (L, 2); cell (i, j) is at ((j, i) + 0.5) * extent / h - 0.5."""
    height, width, count = heat_maps.shape
    out = np.zeros((count, 2))
    for i in range(height):
        for j in range(width):
            x = (j + 0.5) * extent / width - 0.5
            y = (i + 0.5) * extent / height - 0.5
            for n in range(count):
                out[n] += heat_maps[i, j, n] * np.array([x, y])
    return out
