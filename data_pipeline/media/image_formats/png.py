"""What OpenCV does not check in PNG files before it allocates memory."""

import struct

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Length, kind and check sum of a chunk.
_FRAME = 12


def is_cut_off(content: bytes) -> bool:
    """Return whether a PNG file announces more bytes than it has.

    OpenCV would allocate what a damaged length announces, up to 4 GB.
    """
    if not content.startswith(SIGNATURE):
        return False
    position = len(SIGNATURE)
    while position + _FRAME <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        position += _FRAME + length
        if kind == b"IEND":
            return position > len(content)
    return True
