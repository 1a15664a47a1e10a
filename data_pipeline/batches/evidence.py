"""Are there enough pictures to show whether a training helps?"""

import math

from data_pipeline.batches.fused_data import ENOUGH, FusedData
from data_pipeline.batches.unlabelled_pictures import STRETCH
from strrn_tf.methods.verdict import FEWEST_GROUPS


def lack_of_evidence(data: FusedData) -> str | None:
    """Return one line on what is missing, or None where enough can be held out.

    Where all stills are corrected frames, nothing is held out on purpose.
    """
    is_meant = data.stills is not None and not data.num_judged
    if is_meant or data.num_judged >= FEWEST_GROUPS:
        return None
    needed = f"cannot show whether a training helps: {ENOUGH} are needed. "
    if data.stills is not None:
        return (
            f"{len(set(data.stills.names))} annotated stills {needed}Add some, name "
            "them after frames of your clips (docs/teach.md), or add --labels paper"
        )
    pictures = data.pictures
    count = len(set(pictures.owner.tolist()))
    clips = len(set(pictures.group[: pictures.num_frames].tolist()))
    if not clips:
        return f"{count} photographs {needed}Add some"
    pairs = math.ceil(ENOUGH * STRETCH / clips)
    asked = data.config.algorithm.pairs_per_clip
    more = f", or --pairs-per-clip {pairs}" if pairs > asked else ""
    return f"{count} clips, parts of clips or photographs {needed}Add some{more}"
