"""What a published model takes over from its run."""

import json

from benchmarks.models.publish_model import (
    Options,
    inherited_entries,
    training_facts,
)


def test_reliability_stays_where_the_weights_do():
    parts = {"tracker_of": "strrn-hgn"}
    fitted = {"reliability": {"of_tracked": [1.0]}, "landmark_confidence": {}}
    description = {"weights": "int8", "accuracy": [], **parts, **fitted}
    assert inherited_entries(description, "int8") == parts | fitted
    assert inherited_entries(description, "float32") == parts


def test_the_rounds_of_another_run_are_stated(tmp_path):
    counts = {"annotated stills": 5, "unlabelled pairs of frames": 7}
    trusted = {"accepted": 3, "d_det": 2, "d_tck": 1}
    last = {"clips": {"a": 1, "b": 2}, **trusted}
    for name, content in (
        ("export/model.json", {"training_data": counts}),
        ("rounds/01/report.json", last),
    ):
        path = tmp_path / "trained" / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
    options = Options(tmp_path / "averaged", "x", rounds_of=tmp_path / "trained")
    facts = {"stills": 5, "pairs": 7, "clips": 2, **trusted}
    assert training_facts(options) == facts
