"""Encodes the videos of tests with PyAV, and images to recognise in them."""

from fractions import Fraction

import av
import numpy as np

# Upper left, upper right, lower left, lower right.
CORNERS = [(220, 30, 30), (30, 220, 30), (30, 30, 220), (220, 220, 220)]


def encode(
    path,
    frames,
    codec="mpeg4",
    pix_fmt="yuv420p",
    rate=25,
    times=None,
    shape=None,
    options=None,
    format=None,
    codec_options=None,
):
    """Write frames (H, W, 3); `times` are milliseconds, `shape` is that of a pixel."""
    with av.open(f"file:{path}", "w", format=format, options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=codec_options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if shape:
            stream.codec_context.sample_aspect_ratio = Fraction(*shape)
            stream.sample_aspect_ratio = Fraction(*shape)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format=pix_fmt)
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def plain(colour, size=(48, 64)):
    """Return an image (H, W, 3) of one colour."""
    return np.full((*size, 3), colour, np.uint8)


def counted(count, size=(48, 64), noise=0):
    """Return images whose brightness is 16 times their number, plus some noise."""
    rng = np.random.default_rng(0)
    values = [rng.integers(-noise, noise + 1, (*size, 3)) + noise for _ in range(count)]
    return [(16 * i + value).astype(np.uint8) for i, value in enumerate(values)]


def numbers_of(frames):
    """Return the numbers of `counted` images with a noise below 8."""
    return [int((float(frame.image.mean()) + 4) // 16) for frame in frames]


def cornered(size=(48, 64)):
    """Return an image whose four quarters have different colours."""
    quarters = [plain(colour, (size[0] // 2, size[1] // 2)) for colour in CORNERS]
    return np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])])


def corners_of(image):
    """Return the numbers in `CORNERS` of the quarters of an image, in their order."""
    height, width = image.shape[0] // 4, image.shape[1] // 4
    places = [(y, x) for y in (height, -height) for x in (width, -width)]
    distances = [np.abs(np.array(CORNERS) - image[place]).sum(1) for place in places]
    return [int(distance.argmin()) for distance in distances]
