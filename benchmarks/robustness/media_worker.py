"""Reads files one after the other, as its standard input names them.

Every file is answered by one line of JSON: what came of it, and the memory so far.
"""

import json
import sys
import traceback
from itertools import islice
from unittest import mock

import cv2

from data_pipeline.media.ffmpeg.decoding import Decoder
from data_pipeline.media.video import open_video
from strrn_tf.system.machine import peak_megabytes

# Frames that are read of a file.
MOST_FRAMES = 12


def outcome(path: str) -> dict[str, object]:
    """Return what reading a file gives, and whether a decoder was called."""
    decode = Decoder._decode
    with (
        mock.patch.object(cv2, "imdecode", side_effect=cv2.imdecode) as pictures,
        mock.patch.object(Decoder, "_decode", autospec=True, side_effect=decode) as own,
    ):
        result = _read(path)
    return {**result, "decoder": pictures.called or own.called}


def _read(path: str) -> dict[str, object]:
    frames = broken = 0
    try:
        for frame in islice(open_video(path).frames(broken=True), MOST_FRAMES):
            frames += frame.image is not None
            broken += frame.image is None
    except (ValueError, OSError) as error:
        return {"result": "refused", "words": " ".join(str(error).split())}
    except BaseException:
        return {"result": "fault", "words": traceback.format_exc()}
    return {"result": "read", "frames": frames, "broken": broken}


def serve() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        answer = outcome(json.loads(line))
        print(json.dumps({**answer, "megabytes": peak_megabytes()}), flush=True)


if __name__ == "__main__":
    serve()
