"""Which files are images, by their first bytes."""

from pathlib import Path

from data_pipeline.media.image_formats.avif import brands
from data_pipeline.media.image_formats.png import SIGNATURE

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
# A PNG with this chunk is an animation.
_ANIMATION = b"acTL"
_HEAD = 4096
_HEIC = {b"heic", b"heix", b"heim", b"heis"}
# Videos that are JPEG pictures one after the other. The content does not tell: many
# phones append a second picture to a photo.
_MOTION_JPEG = ".mjpg", ".mjpeg"


def is_image_file(path: str | Path) -> bool:
    """Return whether a file is an image that is not an animation.

    Animated GIF, PNG and AVIF files are videos, and so are ``.mjpeg`` files. A file
    that cannot be read is none.

    Raises:
        ValueError: it is a HEIC image, which nothing here decodes.
    """
    if Path(path).suffix.lower() in _MOTION_JPEG:
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if head.startswith(SIGNATURE):
        return _ANIMATION not in head
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    named = brands(head)
    if _HEIC & set(named) and b"avif" not in named:
        raise ValueError(
            f"{path}: HEIC pictures are not read. Save it as JPEG or PNG. An iPhone "
            'takes JPEG with the setting Camera, Formats, "Most Compatible"'
        )
    is_avif = b"avif" in named and named[0] != b"avis"
    return is_webp or is_avif or head.startswith(_STARTS)
