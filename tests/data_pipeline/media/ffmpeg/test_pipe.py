"""Standard input, FIFOs and ``<(...)`` of a shell."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.encoded import counted, encode, numbers_of
from support.places import ROOT

from data_pipeline.media.ffmpeg.pipe import ends_with_index
from data_pipeline.media.sources import is_pipe
from data_pipeline.media.video import open_video
from strrn_tf.system.interruption import Interrupted, raising_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs pipes with names")

COUNT = 12
KINDS = {
    "index at the end": ("mp4", "libx264", {}),
    "index at the beginning": ("mp4", "libx264", {"movflags": "+faststart"}),
    "fragments": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "quicktime": ("mov", "mjpeg", {}),
    "matroska": ("matroska", "libx264", {}),
    "webm": ("webm", "libvpx", {}),
    "transport stream": ("mpegts", "libx264", {}),
    "program stream": ("mpeg", "mpeg2video", {}),
    "avi": ("avi", "mpeg4", {}),
    "flv": ("flv", "flv", {}),
    "nut": ("nut", "ffv1", {}),
    "pictures": ("mpjpeg", "mjpeg", {}),
}


def written(path, kind, noise=0):
    format, codec, options = KINDS[kind]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    frames = counted(COUNT, (192, 256) if noise else (48, 64), noise)
    encode(path, frames, codec, pix_fmt, format=format, options=options)
    return path.read_bytes()


def pour(path, content, size=4096):
    """Write to a pipe in small pieces, as a program that is slow."""

    def write():
        with open(path, "wb", buffering=0) as pipe:
            for start in range(0, len(content), size):
                pipe.write(content[start : start + size])

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipe_is_read_to_its_end(tmp_path, kind, capfd):
    content = written(tmp_path / "clip", kind)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert is_pipe(fifo)
    pour(fifo, content)
    video = open_video(fifo)
    frames = list(video.frames(broken=True))
    assert numbers_of(frames) == list(range(COUNT))
    assert video.num_frames == COUNT
    times = [frame.timestamp for frame in frames]
    assert times == sorted(set(times))
    with pytest.raises(ValueError, match="a pipe can be read only once"):
        list(video)
    assert capfd.readouterr() == ("", "")


def test_the_rate_of_a_pipe_is_that_of_its_first_times(tmp_path):
    times = [0, 47, 94, 106, 153, 165, 210, 258, 270, 330, 360, 390]
    clip = encode(tmp_path / "a.webm", counted(COUNT), "libvpx", rate=1000, times=times)
    os.mkfifo(tmp_path / "fifo")
    pour(tmp_path / "fifo", clip.read_bytes())
    video = open_video(tmp_path / "fifo")
    assert video.fps == pytest.approx(11 / 0.390, rel=0.01)
    assert len(list(video)) == COUNT


@pytest.mark.parametrize(
    ("name", "kind", "is_file"),
    [
        ("-", "index at the end", False),
        ("-", "index at the end", True),
        ("-", "transport stream", False),
        ("/dev/stdin", "matroska", False),
        ("/dev/stdin", "index at the end", True),
        ("/dev/fd/0", "webm", False),
    ],
)
def test_standard_input(tmp_path, name, kind, is_file):
    content = written(tmp_path / "clip", kind)
    program = (
        "import sys; from data_pipeline.media.video import open_video; "
        "print(*[frame.index for frame in open_video(sys.argv[1])])"
    )
    command = [sys.executable, "-c", program, name]
    with (tmp_path / "clip").open("rb") as clip:
        given = {"stdin": clip} if is_file else {"input": content}
        run = subprocess.run(command, cwd=ROOT, capture_output=True, **given)
    assert run.stdout.split() == [b"%d" % i for i in range(COUNT)], run.stderr
    assert run.stderr == b""


def test_what_a_shell_puts_for_a_command(tmp_path):
    content = written(tmp_path / "clip", "matroska")
    reading, writing = os.pipe()
    pour(writing, content)
    assert numbers_of(open_video(f"/dev/fd/{reading}")) == list(range(COUNT))
    os.close(reading)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"no video at all\n" * 500, "is not a video"),
        (b"\0\0\0\x18ftypisom" + bytes(3000), "is not a video"),
        (b"\x1aE\xdf\xa3" + bytes(64), "is not a video"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "is not a video"),
    ],
)
def test_what_is_no_video_is_named(tmp_path, content, words, capfd):
    fifo = tmp_path / "my.fifo"
    os.mkfifo(fifo)
    pour(fifo, content)
    with pytest.raises((ValueError, OSError), match=rf"my\.fifo.*{words}"):
        list(open_video(fifo))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["transport stream", "matroska", "avi"])
def test_a_pipe_that_breaks_off_gives_what_came(tmp_path, kind):
    content = written(tmp_path / "clip", kind, noise=7)
    os.mkfifo(tmp_path / "fifo")
    pour(tmp_path / "fifo", content[: len(content) * 2 // 3])
    numbers = numbers_of(open_video(tmp_path / "fifo"))
    assert 2 <= len(numbers) < COUNT
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("kind", ["h264", "index at the end"])
def test_a_signal_ends_the_opening_of_a_pipe_that_is_silent(tmp_path, kind):
    if kind == "h264":  # FFmpeg asks for more before it knows the video
        content = encode(
            tmp_path / "clip", counted(COUNT), "libx264", format=kind
        ).read_bytes()
    else:
        content = written(tmp_path / "clip", kind)[:-100]
    os.mkfifo(tmp_path / "fifo")
    is_done = threading.Event()

    def write():
        with open(tmp_path / "fifo", "wb", buffering=0) as pipe:
            pipe.write(content)
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGTERM)
            is_done.wait(20)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    with raising_signals(), pytest.raises(Interrupted):
        open_video(tmp_path / "fifo")
    assert thread.is_alive()  # it was not the end of the pipe
    is_done.set()
    thread.join()


def test_where_the_index_of_an_mp4_file_is(tmp_path):
    def head(kind):
        content = written(tmp_path / "clip", kind)
        return lambda size: content[:size]

    assert ends_with_index(head("index at the end"))
    assert ends_with_index(head("quicktime"))
    others = ("index at the beginning", "fragments", "matroska", "avi")
    assert not any(ends_with_index(head(kind)) for kind in others)
    assert not ends_with_index(lambda size: b"")
    assert not ends_with_index(lambda size: bytes(size))


def test_the_place_of_the_index_is_found_with_few_bytes():
    asked = []

    def peek(size):
        asked.append(size)
        return (b"\x1aE\xdf\xa3" + bytes(60))[:size]

    assert not ends_with_index(peek)
    assert asked == [8]  # of a live stream more may come late
