"""How many frames a second a video shows on average, and how many it has."""

import math
from fractions import Fraction
from itertools import islice

import av
from av.container import InputContainer
from av.video.stream import VideoStream

# Rates above are more often a mistake than a camera of high speed.
SUSPICIOUS = 120.0
# Part by which two rates of a constant stream may differ.
TOLERANCE = 0.02
HIGHEST = 10_000.0
# Packets that test a stated rate, and the part by which their rate may be lower: some
# frames that are shown before the last one come behind it.
TESTED, SLOWER = 120, 0.05
# Containers whose duration is the time of their end, as players show it. A recording
# that was joined late begins late.
COUNTED_FROM_ZERO = frozenset(("matroska,webm",))


def stated_rate(stream: VideoStream) -> float | None:
    """Return the average rate that the container states, None if it may be wrong.

    Containers with an index have it from the times of all frames. Others guess.
    """
    average, base = _plausible(stream.average_rate), _plausible(stream.base_rate)
    if average is None or has_index(stream):
        return average
    is_constant = base is not None and abs(average / base - 1) <= TOLERANCE
    return average if is_constant and average <= SUSPICIOUS else None


def has_index(stream: VideoStream) -> bool:
    """Return whether the container lists its frames."""
    return bool(stream.frames and stream.duration)


def is_refuted(rate: float, container: InputContainer, stream: VideoStream) -> bool:
    """Return whether the next packets are slower than a rate that is stated.

    Matroska files of a variable rate may state the rate that they were made for. Faster
    packets are no proof, because some have no frame of their own.
    """
    try:
        seen = measured_rate(container, stream, TESTED)
    except av.FFmpegError:  # reported when it is read
        return False
    return seen is not None and seen < (1 - SLOWER) * rate


def guessed_rate(stream: VideoStream) -> float | None:
    """Return the most credible of the rates that the container states, or None."""
    rates = [_plausible(r) for r in (stream.average_rate, stream.base_rate)]
    return next((rate for rate in rates if rate and rate <= SUSPICIOUS), None)


def measured_rate(
    container: InputContainer, stream: VideoStream, most: int | None = None
) -> float | None:
    """Return the average rate of the times of packets; None without times.

    Nothing is decoded. The container has to be opened again after that.

    Args:
        container: opened.
        stream: of the container.
        most: number of packets to read; None: all.
    """
    packets = islice(container.demux(stream), most)
    return rate_of([p.pts for p in packets if p.size], stream.time_base)


def rate_of(ticks: list[int | None], unit: Fraction | None) -> float | None:
    """Return the average rate of some times in ticks of a unit, in seconds."""
    times = sorted({tick for tick in ticks if tick is not None})
    if len(times) < 2 or not unit:
        return None
    return _plausible((len(times) - 1) / float((times[-1] - times[0]) * unit))


def announced_frames(
    container: InputContainer, stream: VideoStream, fps: float
) -> int | None:
    """Return the number of frames that the container announces, or None."""
    if stream.frames > 0:
        return stream.frames
    seconds = 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / 1e6
        if container.format.name in COUNTED_FROM_ZERO:
            seconds -= (container.start_time or 0) / 1e6
    count = seconds * fps
    return round(count) if 0.5 <= count < 1e9 else None


def _plausible(rate: Fraction | float | None) -> float | None:
    value = float(rate) if rate else math.nan
    return value if 0 < value <= HIGHEST else None
