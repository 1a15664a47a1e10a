"""Finds the gaps in what is seen of a face: moments in which it is lost or spoiled.

No network decides this. A face that looks on both sides of a gap alike, and in it like
neither, was covered, dark, blurred or lost there. A head that turns away and back looks
a little different in every frame, so its first frame is like the one before.
"""

from collections.abc import Sequence

from strrn_tf.tracking.offline.config import OfflineConfig
from strrn_tf.tracking.offline.sighting import Sighting, likeness


def find_gaps(
    sightings: Sequence[Sighting], config: OfflineConfig
) -> list[tuple[int, int]]:
    """Return the gaps of one face, in their order.

    Args:
        sightings: of one face, one for every frame. Settled ones are in no gap.
        config: ``longest_gap`` and the limits of likeness.

    Returns:
        Pairs (last frame before, first frame behind): both are in plain sight.
    """
    gaps, start = [], 0
    while start < len(sightings) - 2:
        stop = None
        if not sightings[start].is_lost and not sightings[start].is_settled:
            stop = _end_of_gap(sightings, start, config)
        if stop is not None:
            gaps.append((start, stop))
        start = stop or start + 1
    return gaps


def _end_of_gap(
    sightings: Sequence[Sighting], start: int, config: OfflineConfig
) -> int | None:
    """Return the first frame behind a gap that begins after a frame; None: no gap."""
    before, inside = sightings[start], []
    first_seen = None
    for number in range(start + 1, len(sightings)):
        now = sightings[number]
        if now.is_settled or now.seconds - before.seconds > config.longest_gap:
            break
        alike = likeness(before, now)
        if inside and not now.is_lost:
            if first_seen is None and all(s.is_lost for s in inside):
                first_seen = number
            if _encloses(before, now, inside, alike, config):
                return number
        if not inside and alike >= 1 - config.min_contrast:
            return None
        inside.append(now)
    return first_seen


def _encloses(
    before: Sighting,
    behind: Sighting,
    inside: Sequence[Sighting],
    alike: float,
    config: OfflineConfig,
) -> bool:
    """Return whether two frames are more like each other than all between."""
    limit = alike - config.min_contrast
    return alike >= config.min_likeness and all(
        likeness(before, s) <= limit and likeness(s, behind) <= limit for s in inside
    )
