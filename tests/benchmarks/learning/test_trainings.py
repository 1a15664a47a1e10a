"""What the arms of an experiment change in a batch."""

import pytest

from benchmarks.learning.trainings import Trainings
from strrn_tf.methods.fused_config import FusedConfig


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_one_arm_has_half_as_many_stills_in_a_batch(share):
    options = Trainings(fused=FusedConfig(label_share=share))
    assert options.shares_of("trusted").label_share == share
    stills = 1 - options.shares_of("trusted-more").label_share
    assert stills == pytest.approx((1 - share) / 2)
