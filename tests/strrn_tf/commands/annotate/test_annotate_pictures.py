"""``strrn annotate`` on folders of pictures: numbers, sizes, what is passed over."""

import json

import numpy as np

from data_pipeline.media.images import write_image
from data_pipeline.synthetic import draw_clip
from strrn_tf.commands.cli import main

# What the networks say of synthetic faces is not the question here.
LOOSE = ["--max-cycle-error", "9", "--max-disagreement", "9", "--min-change", "0"]


def test_numbered_pictures_of_two_sizes_are_one_video(tmp_path, capsys):
    pictures = tmp_path / "shots"
    clip = draw_clip(np.random.default_rng(0), 1, 6)
    for number, (image, _) in zip((7, 8, 9, 20, 21, 22), clip, strict=True):
        height = image.shape[0] - (8 if number >= 20 else 0)
        write_image(pictures / f"img_{number:04d}.png", image[:height])
    (pictures / "img_0010.heic").touch()
    (pictures / "img_0023.png").write_bytes(b"damaged")
    out = tmp_path / "out"
    words = ["annotate", str(pictures), "--output", str(out), "--workers", "1", *LOOSE]
    assert main(words) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["passed_over"] == ["shots/img_0010.heic"]
    assert list(report["videos"]) == ["shots"]
    video = report["videos"]["shots"]
    differ = "the frames differ in size (changes: 1)"
    assert video["problem"] == f"1 frames could not be decoded; {differ}"
    assert video["frames_with_face"] == 6
    assert video["verdicts"]["unchecked"] == 2  # a beginning has nothing to go back to
    found = sorted(path.name for path in (out / "annotations").glob("*.pts"))
    assert found == [
        *("shots-000008-0.pts", "shots-000009-0.pts"),
        *("shots-000021-1.pts", "shots-000022-1.pts"),
    ]
    errors = capsys.readouterr().err
    assert "note: 1 file is passed over (1 .heic): shots/img_0010.heic" in errors
