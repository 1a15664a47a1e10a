"""What all tests share: a quiet TensorFlow, double precision on request."""

import os

# Before anything imports TensorFlow: its start-up messages would bury a failure.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from hypothesis import settings

# The same examples every time, and no time limit: machines differ.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def float64():
    """Build and run layers in double precision."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def identity():
    """Return a tracker that has learnt nothing: it returns its start."""
    from support.weights import SMALL

    from strrn_tf.models.strrn import STRRN

    return STRRN(relation=2, **SMALL)
