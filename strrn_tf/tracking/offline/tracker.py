"""``OfflineTracker``: the faces of a file, whose frames to come are known.

Frames wait until the next seconds of video are known. Then gaps are filled from both
sides, and smoothing looks both ways. Memory does not grow with the length of a video.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from strrn_tf.geometry import box_from_landmarks
from strrn_tf.tracking import track_checks
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.config import OfflineConfig
from strrn_tf.tracking.offline.filling import fill_gap
from strrn_tf.tracking.offline.gaps import find_gaps
from strrn_tf.tracking.offline.sighting import Sighting
from strrn_tf.tracking.smoothing import Smoother
from strrn_tf.tracking.track import FrameClock


class LiveTracker(Protocol):
    """The part of ``FaceTracker`` that is needed."""

    def reset(self) -> None:
        """Forget all faces."""

    def update(self, frame: np.ndarray, timestamp: float | None) -> list[Face]:
        """Take the next frame of a video and return its faces."""


@dataclass(eq=False)
class _Frame:
    """Seconds on a rising clock, and the sightings by the ids of their faces."""

    seconds: float
    sightings: dict[int, Sighting]

    @property
    def faces(self) -> list[Face]:
        return [sighting.face for sighting in self.sightings.values()]

    @property
    def seen(self) -> list[Face]:
        """The faces that are not lost."""
        return [face for face in self.faces if face.state != "lost"]


class OfflineTracker:
    """Follows faces through a video whose frames to come may be looked at.

    Args:
        tracker: sees the frames in their order. It must not smooth.
        max_faces: number of faces that are seen at once.
        smooth: remove jitter, looking both ways.
        config: thresholds of gaps.
        tracking: those of the tracker.

    Example:
        >>> tracker = OfflineTracker.from_pretrained("strrn-hgn", max_faces=2)
        >>> for faces in tracker.track(frames):  # pairs of image and seconds
        ...     print([face.state for face in faces])
    """

    def __init__(
        self,
        tracker: LiveTracker,
        *,
        max_faces: int = 1,
        smooth: bool = True,
        config: OfflineConfig | None = None,
        tracking: TrackingConfig | None = None,
    ) -> None:
        self._tracker = tracker
        self._max_faces = max_faces
        self._config = config or OfflineConfig()
        self._tracking = tracking or TrackingConfig()
        self._smoother = Smoother(self._tracking) if smooth else None
        self._forget()

    @classmethod
    def from_pretrained(
        cls,
        name_or_folder: str | Path,
        *,
        smooth: bool = True,
        offline: OfflineConfig | None = None,
        **options: object,
    ) -> "OfflineTracker":
        """Open a model by its name or folder.

        Args:
            name_or_folder: e.g. ``"strrn-mdm"`` or a folder that was exported.
            smooth: remove jitter, looking both ways.
            offline: thresholds of gaps.
            **options: the keyword arguments of ``FaceTracker``.
        """
        from strrn_tf.tracking.tracker import FaceTracker

        config = offline or OfflineConfig()
        options = {"redetect_interval": config.redetect_interval} | options
        tracker = FaceTracker.from_pretrained(name_or_folder, smooth=False, **options)
        return cls(
            tracker,
            max_faces=options.get("max_faces", 1),
            smooth=smooth,
            config=config,
            tracking=tracker.config,
        )

    def reset(self) -> None:
        """Forget all faces and frames, e.g. before another video."""
        self._tracker.reset()
        self._forget()

    def _forget(self) -> None:
        if self._smoother:
            self._smoother.reset()
        self._clock = FrameClock()
        self._past: list[_Frame] = []
        self._waiting: list[_Frame] = []

    def track(
        self, frames: Iterable[tuple[np.ndarray, float | None]]
    ) -> Iterator[list[Face]]:
        """Yield the faces of every frame of a video, in order.

        Args:
            frames: images (H, W, 3) uint8 RGB and their seconds, see
                ``FaceTracker.update``.
        """
        for image, seconds in frames:
            yield from self.push(image, seconds)
        yield from self.flush()

    def push(self, image: np.ndarray, timestamp: float | None) -> list[list[Face]]:
        """Take the next frame; return the faces of the frames that are now decided.

        A face that was filled in has the state "filled". Others are as from
        ``FaceTracker.update``.

        Args:
            image: (H, W, 3) uint8 RGB.
            timestamp: in seconds, or None.
        """
        faces = self._tracker.update(image, timestamp)
        self._clock = self._clock.after(timestamp, self._tracking)
        seconds = self._clock.seconds
        seen = {
            face.id: Sighting.of_frame(
                face, seconds, image, self._config, self._tracking
            )
            for face in faces
        }
        self._waiting.append(_Frame(seconds, seen))
        ahead = self._config.longest_gap + self._config.context
        waited, count = seconds - self._waiting[0].seconds, len(self._waiting)
        if waited < self._config.block + ahead and count < self._config.most_waiting:
            return []
        last = seconds - ahead
        known = sum(frame.seconds <= last for frame in self._waiting)
        return self._decide(max(known, count // 2))

    def flush(self) -> list[list[Face]]:
        """Return the faces of all frames that wait, as at the end of a video."""
        return self._decide(len(self._waiting))

    def _decide(self, count: int) -> list[list[Face]]:
        """Return the faces of the first waiting frames, which are taken away."""
        frames = self._past + self._waiting
        ids = dict.fromkeys(i for frame in self._waiting for i in frame.sightings)
        last = self._waiting[count - 1].seconds if count else 0.0
        for number in ids:
            self._fill(frames, number, last)
        done, self._waiting = self._waiting[:count], self._waiting[count:]
        result = [frame.faces for frame in done]
        if self._smoother and done:
            result = _smoothed(self._smoother, done, self._waiting, self._tracking)
        passed = self._past + done
        self._past = [
            frame
            for frame in passed
            if passed[-1].seconds - frame.seconds <= self._config.context
        ]
        return result

    def _fill(self, frames: Sequence[_Frame], number: int, last: float) -> None:
        """Fill the gaps of the face with a number, in frames that wait.

        Gaps that begin after the second ``last`` are left until the frames behind them
        are known: where a block ends must not matter.
        """
        seen = [frame for frame in frames if number in frame.sightings]
        sightings = [frame.sightings[number] for frame in seen]
        for start, stop in find_gaps(sightings, self._config):
            if seen[start].seconds > last:
                break
            faces = fill_gap(sightings, start, stop, self._config, self._tracking)
            back = seen[stop].seen
            for face, frame in zip(faces, seen[start + 1 : stop], strict=True):
                self._make_room(face, frame, back)
                if self._has_room(face, frame):
                    sighting = frame.sightings[number]
                    sighting.face, sighting.is_settled = face, True

    def _make_room(self, face: Face, frame: _Frame, back: Sequence[Face]) -> None:
        """Take younger faces away that were seen only while a face was lost.

        The live tracker displaces them when the face is back.
        """
        ids = {other.id for other in back}
        for other in frame.seen:
            is_passing = other.id > face.id and other.id not in ids
            if is_passing and not self._has_room(face, frame):
                del frame.sightings[other.id]

    def _has_room(self, face: Face, frame: _Frame) -> bool:
        """Return whether a face may be seen in a frame, beside others."""
        others = [other for other in frame.seen if other.id != face.id]
        return len(others) < self._max_faces and not any(
            track_checks.is_same_face(face, other, self._tracking) for other in others
        )


def _smoothed(
    smoother: Smoother,
    frames: Sequence[_Frame],
    behind: Sequence[_Frame],
    config: TrackingConfig,
) -> list[list[Face]]:
    """Return the faces of frames, smoothed by the mean of a filter in both directions.

    A filter lags behind. The lags of both directions cancel.

    Args:
        smoother: has seen all frames before.
        frames: to be smoothed.
        behind: frames that follow.
        config: of the filter.
    """
    forward = [smoother(frame.faces, frame.seconds) for frame in frames]
    backward, result = Smoother(config), []
    for frame in reversed(behind):
        backward(frame.faces, -frame.seconds)
    for frame, ahead in zip(reversed(frames), reversed(forward), strict=True):
        back = backward(frame.faces, -frame.seconds)
        result.append([_mean(a, b) for a, b in zip(ahead, back, strict=True)])
    return result[::-1]


def _mean(one: Face, other: Face) -> Face:
    if one.state == "lost":
        return one
    landmarks = ((one.landmarks + other.landmarks) / 2).astype(np.float32)
    return replace(one, landmarks=landmarks, box=box_from_landmarks(landmarks))
