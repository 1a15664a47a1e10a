"""The mutations of media files: the same for the same number, and resumable."""

import json

import numpy as np
import pytest

from benchmarks.robustness import media_fuzz
from benchmarks.robustness.media_seeds import PICTURES, VIDEOS, exif, write_seeds
from benchmarks.robustness.media_worker import outcome
from benchmarks.robustness.mutations import DAMAGES, mutated


def test_every_seed_is_read_whole(tmp_path):
    seeds = write_seeds(tmp_path)
    assert len(seeds) == len({*VIDEOS, *PICTURES}) + 4
    results = {path.name: outcome(str(path)) for path in seeds}
    assert {name for name, r in results.items() if r["result"] != "read"} == set()
    assert all(result["broken"] == 0 for result in results.values())
    assert all(results[name]["frames"] == 6 for name in VIDEOS)


def test_a_number_decides_the_damage():
    content = bytes(range(256)) * 20 + exif(6) * 2

    def of(number):
        return mutated(content, np.random.default_rng([0, number]))

    results = [of(number) for number in range(200)]
    assert results == [of(number) for number in range(200)]
    assert len(set(results)) > 190
    assert mutated(b"", np.random.default_rng(0)) == b""


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_takes_any_place(damage):
    rng = np.random.default_rng(0)
    changed = 0
    for size in (1, 2, 9, 500):
        for place in {0, size // 2, size - 1}:
            data = bytearray(rng.bytes(size))
            before = bytes(data)
            damage(data, place, rng)
            changed += bytes(data) != before
    assert changed


def test_cases_go_on_where_they_were_stopped_and_failures_are_kept(tmp_path, capsys):
    seed = tmp_path / "a.mp4"
    seed.write_bytes(bytes(1000))
    options = media_fuzz.Options(tmp_path)
    seen = []

    def do(path):
        seen.append(path.read_bytes())
        return {"result": "crash" if len(seen) == 3 else "read", "decoder": True}

    def run(count):
        return media_fuzz.run_cases(options, "cases", count, [seed], do)

    run(2)
    results = run(5)
    assert len(seen) == 5
    lines = (tmp_path / "cases.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == results
    assert [result["number"] for result in results] == list(range(5))
    (kept,) = (tmp_path / "failures").iterdir()
    assert kept.read_bytes() == seen[2]
    assert media_fuzz.summary("cases", results) == 1
    assert "5: 4 read, 1 crash; 5 reached a decoder" in capsys.readouterr().out


def test_a_reader_replaces_a_process_that_crashes(tmp_path):
    reader = media_fuzz.Reader(seconds=60)
    try:
        assert reader.read(tmp_path / "missing.mp4")["result"] == "refused"
        process = reader._process
        process.kill()
        process.wait()
        assert reader.read(tmp_path / "missing.mp4")["result"] == "crash"
        assert reader.read(tmp_path / "missing.mp4")["result"] == "refused"
    finally:
        reader.close()
