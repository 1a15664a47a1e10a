"""Network addresses, against servers on this machine."""

import pytest
from support.encoded import counted, encode, numbers_of
from support.servers import (
    datagrams,
    http_server,
    range_server,
    rtsp_server,
    tcp_server,
)

from data_pipeline.media.ffmpeg import address
from data_pipeline.media.ffmpeg.address import DELAYS, Address
from data_pipeline.media.video import open_video

COUNT = 14
FILES = {
    "index at the end": ("mp4", {}),
    "index at the beginning": ("mp4", {"movflags": "+faststart"}),
    "fragments": ("mp4", {"movflags": "frag_keyframe+empty_moov"}),
    "matroska": ("matroska", {}),
    "transport stream": ("mpegts", {}),
}


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch):
    monkeypatch.setattr(address, "TIMEOUT", 3.0)


def clip(tmp_path, kind="transport stream", count=COUNT):
    """Return the bytes of a video without reordered frames, as cameras send them."""
    format, options = FILES[kind]
    return encode(
        tmp_path / "clip",
        counted(count, (96, 128), 7),
        "libx264",
        format=format,
        options=options,
        codec_options={"bf": "0", "g": "5", "crf": "15"},
    ).read_bytes()


def whole(content):
    return content, len(content)


class Watched(Address):
    """Notes waiting and reports instead of doing them."""

    def __init__(self, name, **options):
        self.waits, self.lines = [], []
        super().__init__(
            name, sleep=self.waits.append, report=self.lines.append, **options
        )


@pytest.mark.parametrize("kind", FILES)
def test_a_file_on_a_web_server(tmp_path, kind):
    with http_server([whole(clip(tmp_path, kind))]) as (name, _):
        video = Watched(name)
        assert numbers_of(video) == list(range(COUNT))
    assert video.num_frames == COUNT
    assert (video.waits, video.lines) == ([], [])


@pytest.mark.parametrize("kind", FILES)
def test_a_server_that_sends_parts(tmp_path, kind):
    with range_server(clip(tmp_path, kind)) as name:
        video = Watched(name)
        assert numbers_of(video) == list(range(COUNT))
    assert (video.waits, video.lines) == ([], [])


def test_times_are_those_of_the_clock(tmp_path):
    ticks = iter([5.0, *(100.0 + n**2 for n in range(COUNT)), 9e9])
    with http_server([whole(clip(tmp_path))]) as (name, _):
        video = Watched(name, clock=lambda: next(ticks))
        times = [frame.timestamp for frame in video]
    assert times == [float(n**2) for n in range(COUNT)]


@pytest.mark.parametrize(
    "kind", ["index at the beginning", "matroska", "transport stream"]
)
def test_a_broken_transfer_goes_on_where_it_was(tmp_path, kind):
    content = clip(tmp_path, kind)
    part = content[: len(content) * 2 // 3], len(content)
    with http_server([part, whole(content)]) as (name, _):
        video = Watched(name)
        numbers = numbers_of(video)
    # Of a transport stream half a frame may be seen at the break.
    assert len(numbers) == COUNT
    assert sum(n != i for i, n in enumerate(numbers)) <= (kind == "transport stream")
    assert video.waits == [DELAYS[0]]
    assert "connection is lost; attempt 1 of 5" in video.lines[0]


def test_a_live_stream_is_opened_again_and_frames_go_on_counting(tmp_path):
    content = clip(tmp_path)
    with tcp_server([content, content]) as name:
        video = Watched(name)
        frames = list(video)
    assert numbers_of(frames) == [*range(COUNT), *range(COUNT)]
    assert [frame.index for frame in frames] == list(range(2 * COUNT))
    times = [frame.timestamp for frame in frames]
    assert times == sorted(set(times))
    assert video.waits == list(DELAYS)  # then it gave up
    assert video.lines[-1].endswith("the stream has ended")
    assert any("Connection refused" in line for line in video.lines)


def test_attempts_count_anew_after_a_steady_connection(tmp_path):
    content = clip(tmp_path)
    minutes = iter(range(0, 10**9, 61))
    with tcp_server([content] * 8) as name:
        video = Watched(name, clock=lambda: next(minutes))
        assert len(list(video)) == 8 * COUNT
    assert video.waits == [*[DELAYS[0]] * 8, *DELAYS[1:]]


def test_rtsp(tmp_path):
    content = clip(tmp_path)
    with rtsp_server([content, content]) as (name, methods):
        video = Watched(name.replace("//", "//me:secret@"))
        frames = list(video)
    assert methods[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    # The last packet is known to be whole only when the next one begins.
    assert len(frames) >= 2 * (COUNT - 1)
    assert numbers_of(frames)[: COUNT - 1] == list(range(COUNT - 1))
    assert video.lines
    assert not any("secret" in line for line in video.lines)


@pytest.mark.parametrize("scheme", ["udp", "rtp"])
def test_datagrams_end_with_silence(tmp_path, scheme):
    clip(tmp_path, "matroska", 100)
    with datagrams(scheme, tmp_path / "clip") as name:
        video = Watched(name)
        frames = list(video)
    assert len(frames) > 20
    assert video.waits == []
    assert video.lines == [f"note: {name}: the stream has ended"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "Server returned 404 Not Found"),
        (b"<html>Not a video</html>" * 9, "is not a video"),
        (b"", "is not a video"),
        (b"\0\0\0\x18ftypisom" + bytes(900), "is not a video"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "video"),
    ],
)
def test_what_is_no_video_is_named(body, words, capfd):
    with (
        http_server([(body, len(body or b""))]) as (name, _),
        pytest.raises((ValueError, OSError), match=rf"/clip: .*{words}"),
    ):
        list(Address(f"{name}?key=secret", sleep=lambda seconds: None))
    assert "secret" not in capfd.readouterr().err


def test_an_address_that_no_host_has_is_named():
    with pytest.raises(OSError, match="") as caught:
        open_video("http://[bad/clip.mp4", allow_network=True)
    assert caught.value.filename == "http://[bad/clip.mp4"


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp", "tcp"])
def test_no_server_is_one_line(scheme, capfd):
    name = f"{scheme}://127.0.0.1:1/live"
    with pytest.raises(OSError, match="Connection refused") as caught:
        open_video(name, allow_network=True)
    assert caught.value.filename == name
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["srt://127.0.0.1:1", "file:///etc/passwd", "x1://y"])
def test_other_schemes_are_not_opened(name):
    with pytest.raises(ValueError, match=r":// is not opened. Known: http, "):
        open_video(name, allow_network=True)
