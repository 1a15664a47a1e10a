"""Names of frames of clips: `clip.mp4#000123` is frame 123, counted from 0."""


def frame_name(clip: str, index: int) -> str:
    """Return the name of a frame of a clip."""
    return f"{clip}#{index:06d}"


def clip_of(name: str) -> str:
    """Return the clip of a frame. A clip's own name may have a `#` too."""
    return name.rpartition("#")[0]


def index_of(name: str) -> int:
    """Return the number of a frame in its clip, counted from 0."""
    return int(name.rpartition("#")[2])
