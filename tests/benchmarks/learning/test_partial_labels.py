"""Results of other data lie in another folder."""

from pathlib import Path

from support.layouts import write_300w

from benchmarks.learning.partial_labels import Options, data_key


def test_other_data_have_another_key(tmp_path):
    write_300w(tmp_path, {"s/helen/trainset": 3, "t/helen/testset": 2, "five": 2})
    write_300w(tmp_path, {"u/helen/testset": 3})
    stills, one, two = (tmp_path / name for name in ("s", "t", "u"))
    keys = [
        data_key(Options(stills, one)),
        data_key(Options(stills, two)),
        data_key(Options(stills, one, few_points=tmp_path / "five")),
    ]
    assert len(set(keys)) == 3
    assert data_key(Options(stills, one, output=Path("x"), updates=1)) == keys[0]
