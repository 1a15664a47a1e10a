"""Times of frames."""

import numpy as np
import pytest

from data_pipeline.media.ffmpeg.stream_clock import Clock


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [
        ([0, 66.7, 100, 160], [0, 0.0667, 0.1, 0.16]),  # variable frame rate
        ([500, 540, 580], [0, 0.04, 0.08]),  # a stream that does not begin at 0
        ([0, 0, 0, 0], [0, 0.04, 0.08, 0.12]),  # no timestamps
        ([0, 40, 20, np.nan, 200], [0, 0.04, 0.08, 0.12, 0.2]),  # damaged
    ],
)
def test_clock_rises_with_any_times_of_the_container(milliseconds, seconds):
    clock = Clock(fps=25)
    read = [clock.read(value / 1000) for value in milliseconds]
    np.testing.assert_allclose(read, seconds, atol=1e-9)
