"""Times of frames, and the frames that are missing between two others."""

import numpy as np

# In frame intervals: the step above which a frame may be missing, and the distance
# below which two times are the same.
GAP, SAME = 1.25, 0.5


class Clock:
    """Seconds since the first frame, strictly rising.

    Containers without timestamps give none or the same for every frame, and damaged
    ones go back in time. Then the average frame rate continues from the last good time.

    Attributes:
        last: time of the last frame in the container, in seconds; NaN before.
        smallest_step: smallest step between two frames so far, in seconds. It lies
            between a quarter of the average step and the average step.
    """

    def __init__(self, fps: float) -> None:
        self.step = self.smallest_step = 1 / fps
        self.last = np.nan
        self.start = 0.0
        self.seconds: float | None = None

    def read(self, time: float) -> float:
        """Return the seconds of the next frame.

        Args:
            time: of the frame in the container, in seconds.
        """
        before, self.last = self.seconds, time
        if before is None:
            self.start = time if np.isfinite(time) else 0.0
            self.seconds = 0.0
            return self.seconds
        seconds = time - self.start
        if np.isfinite(seconds) and seconds > before:
            smallest = min(self.smallest_step, seconds - before)
            self.smallest_step = max(smallest, self.step / 4)
        else:
            seconds = before + self.step
        self.seconds = seconds
        return seconds


class Packets:
    """Times of the packets that the decoder has received, in seconds."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._without_time = 0

    def add(self, time: float) -> None:
        """Note a packet. Its time is NaN if it is too damaged to have one."""
        if np.isfinite(time):
            self._times.append(time)
        else:
            self._without_time += 1

    def lost_before(self, now: float, clock: Clock) -> list[float]:
        """Return the times of packets before a frame that gave no frame, rising.

        A packet that lies so near to a frame that both show the same has no frame of
        its own: one half of an interlaced picture, or a hidden reference.

        Args:
            now: time of the frame in the container, in seconds.
            clock: has read the times of all frames before.
        """
        before, step = clock.last, clock.smallest_step
        if not np.isfinite(before):
            before = -step  # no frame was decoded yet, and a stream begins at 0
        lost: list[float] = []
        if now - before > GAP * step:
            apart = SAME * step
            lost = [t for t in self._times if before + apart <= t <= now - apart]
            lost = _without_doubles(sorted(lost), apart)
            lost = self._with_untimed(before, lost, now, step)
        self._times = [time for time in self._times if time > now]
        return lost

    def _with_untimed(
        self, before: float, lost: list[float], now: float, step: float
    ) -> list[float]:
        """Put packets without a time into the widest holes."""
        while self._without_time:
            edges = np.array([before, *lost, now])
            widest = int(np.diff(edges).argmax())
            if not edges[widest + 1] - edges[widest] > GAP * step:
                break
            lost.insert(widest, float(edges[widest]) + step)
            self._without_time -= 1
        return lost


def _without_doubles(times: list[float], apart: float) -> list[float]:
    kept: list[float] = []
    for time in times:
        if not kept or time - kept[-1] >= apart:
            kept.append(time)
    return kept
