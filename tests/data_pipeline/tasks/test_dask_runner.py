"""Beam's Dask runner without a cluster: its options, its order, its messages."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from data_pipeline.tasks.dask_runner import DASK, _cause_of_death, in_order

NO_DASK = "Dask is not installed: pip install 'strrn[dask]'"


@pytest.fixture(scope="module", autouse=True)
def dask():
    pytest.importorskip("distributed", reason=NO_DASK)


def partitions(*arguments):
    """What is asked of Dask's bags."""
    from apache_beam.runners.dask.dask_runner import DaskOptions

    from data_pipeline.tasks.beam_options import parse_beam_options

    options, is_local = parse_beam_options(["--runner", "DaskRunner", *arguments])
    assert not is_local
    everything = options.get_all_options()
    assert everything["runner"] == DASK
    dask_options = options.view_as(DaskOptions)
    return dask_options.npartitions, dask_options.partition_size


def test_each_task_is_a_partition():
    assert partitions() == (None, 1)
    assert partitions("--dask_client_address=tcp://host:8786") == (None, 1)


def test_partitions_of_the_user_stay():
    assert partitions("--dask_npartitions", "7") == (7, None)
    assert partitions("--dask_partition_size", "8") == (None, 8)


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        # Without an address Dask would start workers on this machine.
        ("--dask_client_adress=tcp://host:8786", "no option --dask_client_adress"),
        ("--dask_npartitions=many", "invalid int value: 'many'"),
    ],
)
def test_wrong_options_are_named_in_one_line(option, problem, capfd):
    with pytest.raises(ValueError, match=problem) as caught:
        partitions(option)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_tasks_keep_their_order():
    import dask
    from dask.bag import from_sequence

    with in_order():
        priority = dask.get_annotations()["priority"]
        bag = from_sequence(range(12), partition_size=1)
    keys = sorted(bag.__dask_keys__(), key=priority, reverse=True)
    assert [number for _, number in keys] == list(range(12))
    # The task that gathers all of them has no number.
    assert priority("finalize") == 0
    assert "priority" not in dask.get_annotations()


def test_a_task_that_kills_its_workers_is_named():
    paths = [Path("a.json"), Path("b.json")]
    assert "that were to write b.json" in _cause_of_death(("bag-0f", 1), paths)
    assert "that were to write task ('bag-0f', 1)" in _cause_of_death(("bag-0f", 1), ())
    assert "that were to write task gather" in _cause_of_death("gather", paths)


def test_dask_that_is_missing_is_named(tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"")
    program = (
        "import sys; sys.modules['distributed'] = None\n"
        "from strrn_tf.commands.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "annotate", str(tmp_path)]
    command += ["--output", str(tmp_path / "out"), "--", "--runner", "DaskRunner"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 2
    cure = 'strrn: needs distributed, install it by pip install "strrn[dask]"\n'
    assert result.stderr == cure
