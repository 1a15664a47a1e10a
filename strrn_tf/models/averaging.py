"""The mean of the weights of networks from one training.

A training whose learning rate falls and rises again ends in different weights. Their
mean is often better than each of them (Izmailov et al., UAI 2018). Networks from
separate trainings cannot be averaged like this.
"""

from collections.abc import Sequence

import keras
import numpy as np


def average(networks: Sequence[keras.Model]) -> keras.Model:
    """Give the first network the mean of the weights of all, and return it.

    Args:
        networks: of the same class and sizes.

    Raises:
        ValueError: their sizes differ.
    """
    weights = [network.get_weights() for network in networks]
    shapes = [[array.shape for array in one] for one in weights]
    if any(one != shapes[0] for one in shapes):
        raise ValueError("only networks of the same sizes can be averaged")
    networks[0].set_weights(
        [np.mean(arrays, 0) for arrays in zip(*weights, strict=True)]
    )
    return networks[0]
