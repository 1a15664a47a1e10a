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
        config: ``longest_gap``, ``time_tolerance`` and the limits of likeness.

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
    before, behind = sightings[start], []
    longest = config.longest_gap + config.time_tolerance
    for sighting in sightings[start + 1 :]:
        if sighting.is_settled:
            break
        if sighting.seconds - before.seconds > longest:
            break
        behind.append(likeness(before, sighting, config))
    if len(behind) < 2:
        return None
    best = max(behind[1:])
    if behind[0] > best - config.min_contrast:
        return None
    if best >= config.min_likeness:
        limit = best - config.recovered
        return start + 1 + next(i for i, b in enumerate(behind) if b >= limit)
    if behind[0] > -1:
        return None
    # The face was lost and looks otherwise when it is back.
    returned = next((i for i, b in enumerate(behind) if b > -1), None)
    return None if returned is None else start + 1 + returned
