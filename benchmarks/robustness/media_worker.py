"""Reads files one after the other, as its standard input names them.

Every file is answered by one line of JSON: what came of it, and the memory so far.
"""

import json
import sys
import traceback
from itertools import islice

from data_pipeline.media.video import open_video
from strrn_tf.system.machine import peak_megabytes

# Frames that are read of a file.
MOST_FRAMES = 12
# What readers say of content that a decoder has seen.
DECODED = "can be decoded", "OpenCV can decode", "cannot be decoded"


def outcome(path: str) -> dict[str, object]:
    """Return what reading a file gives."""
    frames = broken = 0
    try:
        for frame in islice(open_video(path).frames(broken=True), MOST_FRAMES):
            frames += frame.image is not None
            broken += frame.image is None
    except (ValueError, OSError) as error:
        words = " ".join(str(error).split())
        reached = bool(frames + broken) or any(sign in words for sign in DECODED)
        return {"result": "refused", "decoder": reached, "words": words}
    except BaseException:
        return {"result": "fault", "decoder": True, "words": traceback.format_exc()}
    return {"result": "read", "decoder": True, "frames": frames, "broken": broken}


def serve() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        answer = outcome(json.loads(line))
        print(json.dumps({**answer, "megabytes": peak_megabytes()}), flush=True)


if __name__ == "__main__":
    serve()
