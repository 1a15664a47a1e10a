"""OpenCV's log level, wherever a release has it, is given back."""

from types import SimpleNamespace

import pytest
from support.places import ROOT

from data_pipeline.media.images import read_image
from data_pipeline.media.opencv_log import ERROR, set_log_level


class Levels:
    """What a release of OpenCV has: sets the level and returns the one before."""

    def __init__(self, level):
        self.level = level

    def set(self, level):
        self.level, before = level, self.level
        return before


def current():
    level = set_log_level(ERROR)
    set_log_level(level)
    return level


@pytest.mark.parametrize("is_old", [True, False])
def test_each_release_is_asked_where_it_has_the_level(is_old):
    levels = Levels(3)
    # 4.9 to 4.12 have `cv2.utils` too, without a logging in it.
    logging = {} if is_old else {"logging": SimpleNamespace(setLogLevel=levels.set)}
    opencv = SimpleNamespace(utils=SimpleNamespace(**logging))
    if is_old:
        opencv.setLogLevel = levels.set
    assert set_log_level(ERROR, opencv) == 3
    assert levels.level == ERROR


def test_no_other_file_asks_a_release():
    for path in (*ROOT.glob("strrn_tf/**/*.py"), *ROOT.glob("data_pipeline/**/*.py")):
        if path.name != "opencv_log.py":
            assert "cv2.utils" not in path.read_text(encoding="utf-8"), path


def test_a_damaged_image_leaves_the_level_as_it_was(tmp_path):
    before = current()
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xffno picture")
    with pytest.raises(ValueError, match="decode"):
        read_image(tmp_path / "a.jpg")
    assert current() == before
