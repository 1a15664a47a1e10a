"""Are there enough pictures to show whether a training helps?"""

import math

from data_pipeline.batches.fused_data import OWNERS_NEEDED, FusedData
from data_pipeline.batches.held_out import picture_of
from data_pipeline.batches.unlabelled_pictures import STRETCH
from strrn_tf.methods.verdict import FEWEST_GROUPS

# More pairs are asked for than are needed: in some no face is found.
SPARE = 1.2
# Of a short clip hardly more pairs can be had than this fraction of those asked for.
SHORT = 0.5


def lack_of_evidence(data: FusedData) -> str | None:
    """Return one line on what is missing, or None where enough can be held out.

    Where all stills are corrected frames, nothing is held out on purpose.
    """
    is_meant = data.stills is not None and not data.num_judged
    if is_meant or data.num_judged >= FEWEST_GROUPS:
        return None
    needed = f"cannot show whether a training helps: {OWNERS_NEEDED} are needed. "
    if data.stills is not None:
        stills = len({picture_of(name) for name in data.stills.names})
        return (
            f"annotated stills of {stills} pictures or clips {needed}Add some, or name "
            "them after frames of --unlabelled clips (docs/teach.md)"
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
