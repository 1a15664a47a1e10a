"""Which files are images, by their first bytes."""

from pathlib import Path

from data_pipeline.media.image_formats.avif import is_avif

_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"BM",
    b"II*\0",  # TIFF
    b"MM\0*",
    b"\0\0\0\x0cjP  ",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"#?RADIANCE",
    b"#?RGBE",
    *(b"P%d%c" % (kind, gap) for kind in range(1, 7) for gap in b" \n\r\t"),
)
_PNG = b"\x89PNG\r\n\x1a\n"
# A PNG with this chunk is an animation.
_ANIMATION = b"acTL"
_HEAD = 4096


def is_image_file(path: str | Path) -> bool:
    """Return whether a file is an image that is not an animation.

    Animated GIF and PNG files are videos. A file that cannot be read is none.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if head.startswith(_PNG):
        return _ANIMATION not in head
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return is_webp or is_avif(head) or head.startswith(_STARTS)
