"""The configuration: what is refused, and that it survives JSON."""

import dataclasses
import json
from pathlib import Path

import pytest

from strrn_tf.config import AlgorithmConfig, FitConfig, RunConfig, to_json


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"steps": -1}, "`steps` must not be negative"),
        ({"round_steps": -1}, "`round_steps` must not be negative"),
        ({"batch_size": 0}, "`batch_size` must be positive"),
        ({"learning_rate": 0.0}, "`learning_rate` must be positive"),
        ({"round_learning_rate": float("nan")}, "`round_learning_rate` must be"),
        ({"weight_decay": -1e-4}, "`weight_decay` must not be negative"),
    ],
)
def test_wrong_fits(values, reason):
    with pytest.raises(ValueError, match=reason):
        FitConfig(**{"steps": 1, "round_steps": 1, **values})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"mix_stills": 1.5}, "`mix_stills` must lie in 0 to 1. Received: 1.5"),
        ({"mix_stills": float("nan")}, "`mix_stills` must lie in 0 to 1"),
        ({"pseudo_share": -0.1}, "`pseudo_share` must lie in 0 to 1"),
        (
            {"augmentation_annealing": 1.1},
            "`augmentation_annealing` must lie in 0 to 1",
        ),
        ({"box_scale": -0.1}, "`box_scale` must not be negative"),
        ({"annotated_fraction": 2}, "`annotated_fraction` must lie in 0 to 1"),
        ({"threshold": 0}, "`threshold` must be positive. Received: 0"),
        ({"threshold": float("nan")}, "`threshold` must be positive. Received: nan"),
        ({"l_det_weight": -0.4}, "`l_det_weight` must not be negative"),
        ({"cycle_weight": float("inf")}, "`cycle_weight` must not be negative"),
        ({"rounds": -1}, "`rounds` and `rollout_steps` must not be negative"),
        ({"rollout_steps": -1}, "`rollout_steps` must not be negative"),
        ({"pairs_per_clip": 0}, "`pairs_per_clip` must be positive"),
    ],
)
def test_wrong_algorithms(values, reason):
    with pytest.raises(ValueError, match=reason):
        AlgorithmConfig(**values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"input_size": 192}, "`input_size` needs the backbone hgn"),
        ({"backbone": "hgn", "input_size": 160}, "must be a multiple of 64"),
        ({"backbone": "hgn", "input_size": 0}, "must be a multiple of 64"),
        ({"backbone": "hgn", "global_context": True}, "`global_context` needs"),
        ({"preset": "paper", "global_context": True}, "`global_context` needs"),
    ],
)
def test_what_goes_with_one_backbone_only(values, reason):
    with pytest.raises(ValueError, match=reason):
        RunConfig(**values)


def test_a_batch_of_one_cannot_be_shared():
    one = FitConfig(1, 1, batch_size=1)
    with pytest.raises(ValueError, match="must be at least 2"):
        RunConfig(tracker=one)
    for options in ({"mix_stills": 0.0}, {"mix_stills": 1.0}, {"rounds": 0}):
        RunConfig(tracker=one, algorithm=AlgorithmConfig(**options))


def test_the_defaults_are_the_papers_where_it_gives_them():
    config = AlgorithmConfig()
    assert config.threshold == 0.02
    assert config.l_det_weight == 0.4
    assert config.assignment == "exclusive"
    assert config.temporal
    assert config.spatial
    assert config.annotated_fraction == 0


def test_json():
    config = RunConfig(backbone="hgn", seed=4, tracker=FitConfig(7, 8))
    plain = to_json(config)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["tracker"]["steps"] == 7
    again = RunConfig(
        **{
            **plain,
            "detector": FitConfig(**plain["detector"]),
            "tracker": FitConfig(**plain["tracker"]),
            "algorithm": AlgorithmConfig(**plain["algorithm"]),
        }
    )
    assert again == config


def test_paths_become_strings_and_anything_else_is_refused():
    @dataclasses.dataclass
    class Some:
        value: object

    assert to_json(Some(Path("a/b"))) == {"value": "a/b"}
    with pytest.raises(TypeError, match="Cannot write complex as JSON"):
        to_json(Some(1j))


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunConfig().seed = 3


def test_options_of_later_versions_are_left_out_where_they_change_nothing():
    plain = to_json(RunConfig())
    assert not {"input_size", "global_context"} & plain.keys()
    assert (
        not {"augmentation_annealing", "correction_fraction", "source_shares"}
        & plain["algorithm"].keys()
    )
    algorithm = AlgorithmConfig(augmentation_annealing=0.3, source_shares=(1, 2))
    plain = to_json(RunConfig(backbone="hgn", input_size=192, algorithm=algorithm))
    assert plain["input_size"] == 192
    assert plain["algorithm"]["augmentation_annealing"] == 0.3
    assert to_json(RunConfig(global_context=True))["global_context"] is True
    assert plain["algorithm"]["source_shares"] == [1, 2]
