"""The mean of networks that one training has passed through.

Weights that a training with falling and rising learning rate passes at its ends lie
around a better place than any of them (Izmailov et al., UAI 2018). Networks that were
trained apart from each other have nothing in common to average.
"""

from collections.abc import Sequence

import keras
import numpy as np


def average(networks: Sequence[keras.Model]) -> keras.Model:
    """Give the first network the mean of the weights of all, and return it.

    Args:
        networks: of the same kind and sizes.

    Raises:
        ValueError: they differ in their sizes.
    """
    weights = [network.get_weights() for network in networks]
    shapes = [[array.shape for array in one] for one in weights]
    if any(one != shapes[0] for one in shapes):
        raise ValueError("only networks of the same sizes can be averaged")
    networks[0].set_weights(
        [np.mean(arrays, 0) for arrays in zip(*weights, strict=True)]
    )
    return networks[0]
