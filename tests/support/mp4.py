"""Damage and rarities in MP4 files that `write_video` has written (ISO 14496-12)."""

import struct

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
PICTURE_START = b"\x00\x00\x01\xb6"  # of a frame in an MPEG-4 stream


def destroy_frames(path, numbers):
    """Overwrite frames (0-based numbers) with zeros."""
    content = bytearray(path.read_bytes())
    starts = [i for i in range(len(content)) if content.startswith(PICTURE_START, i)]
    ends = [*starts[1:], content.index(b"moov") - 4]
    for number in numbers:
        start, end = starts[number], ends[number]
        content[start:end] = bytes(end - start)
    path.write_bytes(content)


def set_durations(path, durations):
    """Let every frame be shown for so many units of time."""
    entries = b"".join(struct.pack(">II", 1, duration) for duration in durations)
    table = bytes(4) + struct.pack(">I", len(durations)) + entries
    change_box(path, b"stts", lambda body: table)


def set_matrix(path, a, b, c, d):
    """Let a stored place (p, q) be shown at (a p + c q, b p + d q)."""
    fixed = [round(value * (1 << 16)) for value in (a, b, 0, c, d, 0, 0, 0)]
    matrix = struct.pack(">9i", *fixed, 1 << 30)
    # Of version 0: the matrix stands between 40 bytes and width and height.
    change_box(path, b"tkhd", lambda body: body[:40] + matrix + body[76:])


def change_box(path, kind, change):
    """Replace the content of all boxes of a kind; the sizes around them follow."""
    path.write_bytes(_rebuilt(path.read_bytes(), kind, change))


def _rebuilt(content, kind, change):
    boxes, position = [], 0
    while position + 8 <= len(content):
        size, name = struct.unpack(">I4s", content[position : position + 8])
        body = content[position + 8 : position + size]
        if name in CONTAINERS:
            body = _rebuilt(body, kind, change)
        elif name == kind:
            body = change(body)
        boxes.append(struct.pack(">I4s", len(body) + 8, name) + body)
        position += size
    return b"".join(boxes)
