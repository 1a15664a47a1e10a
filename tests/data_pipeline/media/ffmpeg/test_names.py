"""A file is a file, whatever its name looks like."""

import os
from pathlib import Path

import pytest
from support.encoded import counted, encode, numbers_of

from data_pipeline.datasets.clips import list_clips
from data_pipeline.media.sources import is_address, is_camera, shown_name, source_name
from data_pipeline.media.video import open_video, write_video

NAMES = [
    "2026-11-28T20:43:10.mp4",
    "12:30 o.mp4",
    "concat:a|b.mp4",
    "file:x.mp4",
    "pipe:0.mp4",
    "data:,x.mp4",
    "subfile,,start,0,end,0,,:x.mp4",
    "%03d.mp4",
    "img_%05d-*.mp4",
    "clip_0001.mp4",
    "-x.mp4",
    "--output.mp4",
    "two  spaces .mp4",
    "Gespräch 日本語 🎥.mp4",
    'quote\'s "double" `tick` $HOME.mp4',
    "new\nline.mp4",
    "a?b#c&d=e.mp4",
    "http:.mp4",
    "ends with colon:.mp4",
]


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses most of these names")
@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read_and_written(tmp_path, monkeypatch, name, capfd):
    monkeypatch.chdir(tmp_path)
    for path in (Path(name), f"./{name}", str(tmp_path / name)):
        write_video(path, counted(3), 25)
        assert numbers_of(open_video(path)) == [0, 1, 2]
    assert os.listdir() == [name]
    assert [clip.video_path.name for clip in list_clips(tmp_path)] == [name]
    assert not is_address(name)
    assert source_name(name) == Path(name).stem
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses this name")
def test_a_name_that_is_no_unicode_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    encode(tmp_path / "a.mp4", counted(3)).rename(path)
    assert numbers_of(open_video(path)) == [0, 1, 2]
    path.write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"caf\\udce9.mp4: is not a video"):
        open_video(path)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/a.mp4",
        "https://127.0.0.1/a.mp4?key=secret",
        "rtsp://user:secret@127.0.0.1:554/live",
        "rtmp://127.0.0.1/live",
        "udp://127.0.0.1:5000",
        "rtp://127.0.0.1:5000",
        "srt://127.0.0.1:5000",
        "file:///etc/passwd",
        Path("http://127.0.0.1/a.mp4"),
    ],
)
def test_an_address_is_refused_and_the_way_out_is_named(address):
    assert is_address(address)
    with pytest.raises(ValueError, match=r"--allow-network.*download") as caught:
        open_video(address)
    assert "secret" not in str(caught.value)


def test_an_address_of_clips_is_refused_likewise():
    with pytest.raises(ValueError, match=r"--allow-network.*download"):
        list_clips("rtsp://127.0.0.1:554/live")


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses this name")
def test_a_file_that_is_called_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("http:/host").mkdir(parents=True)
    encode("http:/host/a.mp4", counted(3))
    assert not is_address("http://host/a.mp4")
    assert numbers_of(open_video("http://host/a.mp4")) == [0, 1, 2]


@pytest.mark.parametrize(
    ("source", "name", "shown"),
    [
        ("-", "stdin", "standard input"),
        ("/dev/stdin", "stdin", "/dev/stdin"),
        ("/dev/fd/63", "stdin", "/dev/fd/63"),
        ("0", "camera-0", "0"),
        ("rtsp://me:secret@cam.local:554/live/1?k=secret", "1", None),
        ("udp://127.0.0.1:5000", "127.0.0.1:5000", "udp://127.0.0.1:5000"),
        ("http://host/dir/talk.mp4", "talk", "http://host/dir/talk.mp4"),
        ("dir/talk.one.mp4", "talk.one", "dir/talk.one.mp4"),
    ],
)
def test_names_of_outputs_and_in_messages(source, name, shown):
    assert source_name(source) == name
    assert shown_name(source) == (shown or "rtsp://cam.local:554/live/1")


def test_a_number_is_a_camera_unless_it_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_camera("0")
    assert not is_camera("-1")
    Path("0").touch()
    assert not is_camera("0")


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
        "ffconcat version 1.0\nfile http://127.0.0.1:9/a.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 33\n",
        '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
        "plain text\n" * 40,
        "\x1b[31mcoloured\x1b[0m text\n" * 40,
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".sdp", ".txt"])
def test_a_file_never_reaches_the_network(tmp_path, text, suffix, capfd):
    path = tmp_path / f"list{suffix}"
    path.write_text(text)
    with pytest.raises((ValueError, OSError), match=rf"list{suffix}"):
        open_video(path)
    assert capfd.readouterr() == ("", "")
