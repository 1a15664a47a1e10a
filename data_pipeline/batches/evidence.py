"""Are there enough pictures to show whether a training helps?"""

import math

from data_pipeline.batches.corrected_stills import video_of
from data_pipeline.batches.fused_data import OWNERS_NEEDED, FusedData
from data_pipeline.batches.held_out import picture_of
from data_pipeline.batches.unlabelled_pictures import STRETCH
from strrn_tf.methods.verdict import FEWEST_GROUPS

# More pairs are asked for than are needed: in some no face is found.
SPARE = 1.2
# Of a short clip hardly more pairs can be had than this fraction of those asked for.
SHORT = 0.5


def remarks(data: FusedData) -> list[str]:
    """Return a line for each thing about the stills that a user may not expect."""
    lines, names = [], data.stills.names if data.stills else ()
    matched = set(data.pictures.corrected.tolist())
    missing = [n for i, n in enumerate(names) if video_of(n) and i not in matched]
    if missing:
        lines.append(
            f"{len(missing)} of {len(names)} stills are ordinary: {missing[0]}: no "
            f"clip of --unlabelled is called {video_of(missing[0])}, or several are"
        )
    if data.num_known:
        lines.append(
            f"the model of --init has learnt {data.num_known} of the "
            f"{len(data.held_out)} stills that decide, which favours it. Stills that "
            f"it has not learnt would judge fairly: {OWNERS_NEEDED} are needed"
        )
    return lines


def lack_of_evidence(data: FusedData) -> str | None:
    """Return one line on what is missing, or None where enough can be held out.

    Where all stills are corrected frames, nothing is held out on purpose.
    """
    if data.num_judged >= FEWEST_GROUPS:
        return None
    needed = f"cannot show whether a training helps: {OWNERS_NEEDED} are needed. "
    if data.stills is not None:
        corrected = set(data.pictures.corrected.tolist())
        others = [n for i, n in enumerate(data.stills.names) if i not in corrected]
        if not others:
            return None
        stills = len({picture_of(name) for name in others})
        rest = f" (such as {others[0]}) beside corrected frames" if corrected else ""
        leave = "leave these out, " if corrected else ""
        return (
            f"annotated stills of {stills} pictures or clips{rest} {needed}Add some, "
            f"{leave}or name them after frames of --unlabelled clips (docs/teach.md)"
        )
    pictures = data.pictures
    count = len(set(pictures.owner.tolist()))
    clips = len(set(pictures.group[: pictures.num_frames].tolist()))
    if not clips:
        return f"{count} photographs {needed}Add some"
    asked = clips * data.config.algorithm.pairs_per_clip
    found = pictures.num_frames / asked
    pairs = math.ceil(SPARE * OWNERS_NEEDED * STRETCH / clips / found)
    more = f", or --pairs-per-clip {pairs}" if found > SHORT else ""
    others = "" if len(pictures) == pictures.num_frames else " and photographs"
    return f"{count} parts of clips{others} (clips: {clips}) {needed}Add some{more}"
