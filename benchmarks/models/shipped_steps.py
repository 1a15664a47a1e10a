"""The steps that make each shipped model from nothing, as a table."""

import shlex
from typing import Literal

from benchmarks.models.steps import (
    Step,
    export,
    measured,
    measured_by_clips,
    training,
)

ModelName = Literal["strrn-fast", "strrn-hgn", "strrn-mdm"]
PHOTOGRAPHS = "{data}/people/ytf {data}/people/mtfl5"
ALL = "--stills {out}/data/all --mixed-precision --rounds 0"
ALL += " --box-scale 0.2 --box-shift 0.12"
HUMAN = "--stills {out}/data/human --mixed-precision --rounds 0"
HUMAN += " --box-scale 0.15 --box-shift 0.09"
FAST_DATA = """\
- Training stills of 300-W: `afw`, `helen/trainset` and `lfpw/trainset`.
- Two thirds of the annotated pictures of babies of InfAnFace. Every third one is kept
  out.
- Photographs of YouTube Faces and MTFL without landmarks, labelled by the mean of
  two models.
- No clips. The round of Algorithm 1 is left to whoever trains it further."""
FAST = (
    Step(
        "photographs",
        f"-m benchmarks.models.label_photographs {PHOTOGRAPHS} --output {{out}}/people"
        " --models {first} {second}",
        "people",
    ),
    Step(
        "stills",
        "-m benchmarks.models.gather_stills {data} --labelled {out}/people"
        " --output {out}/data",
        "data/all",
    ),
    training(
        "fast-1",
        f"--backbone hgn --preset fast {ALL} --augmentation-annealing 0.4"
        " --detector.learning-rate 1.5e-3",
        detector=10000,
        tracker=1500,
    ),
    training(
        "fast-2",
        f"--init {{out}}/fast-1 --input-size 128 {ALL} --augmentation-annealing 0.35"
        " --detector.learning-rate 1e-3",
        detector=8000,
        tracker=0,
    ),
    training(
        "fast-3",
        f"--init {{out}}/fast-2 --input-size 128 {HUMAN} --augmentation-annealing 0.7"
        " --detector.learning-rate 5e-4 --fresh-tracker",
        detector=3600,
        tracker=3000,
    ),
    training(
        "fast-4",
        f"--init {{out}}/fast-3 --input-size 128 {HUMAN} --augmentation-annealing 0.75"
        " --detector.learning-rate 6e-4 --seed 1",
        detector=3000,
        tracker=0,
    ),
    export("fast", "{out}/fast-4 --average {out}/fast-3"),
    training(
        "long-1",
        f"--init {{out}}/fast --input-size 128 {ALL} --augmentation-annealing 0.35"
        " --detector.learning-rate 1.2e-3 --seed 2",
        detector=12000,
        tracker=0,
    ),
    training(
        "long-2",
        f"--init {{out}}/long-1 --input-size 128 {HUMAN} --augmentation-annealing 0.7"
        " --detector.learning-rate 6e-4 --seed 3",
        detector=5000,
        tracker=0,
    ),
    export("strrn-fast", "{out}/long-2 --precision int8"),
    *measured("strrn-fast", shlex.quote(f"--data={FAST_DATA}")),
)

CLIPS = "--stills {data}/300w --unlabelled {data}/videos {data}/youtube_celebrities"
CLIPS += " --pairs-per-clip 16"
WIDE = "--box-scale 0.25 --box-shift 0.16"
WIDEST = "--box-scale 0.3 --box-shift 0.2"
# The tracker of both other models, and the detector that teaches it.
TRACKER = (
    training(
        "hgn-a",
        f"--backbone hgn --mixed-precision --stills {{data}}/300w --rounds 0 {WIDE}",
        detector=8000,
        tracker=1000,
    ),
    training(
        "hgn-b",
        f"--init {{out}}/hgn-a --input-size 192 --mixed-precision {CLIPS} {WIDE}"
        " --pseudo-share 0.15 --augmentation-annealing 0.5"
        " --detector.learning-rate 6e-4 --detector.round-learning-rate 1e-3",
        detector=900,
        detector_round=17000,
        tracker_round=200,
    ),
    training(
        "tracker-1",
        f"--init {{out}}/hgn-b {CLIPS} --mix-stills 0.875 --correction-fraction 1"
        " --tracker.round-learning-rate 8e-4",
        detector_round=0,
        tracker_round=12000,
    ),
    training(
        "tracker-2",
        f"--init {{out}}/tracker-1 {CLIPS} --mix-stills 0.875"
        " --correction-fraction 0.3 --tracker.round-learning-rate 6e-4",
        detector_round=0,
        tracker_round=2500,
    ),
)
HGN = (
    *TRACKER,
    export("strrn-hgn", "{out}/hgn-b --tracker {out}/tracker-2 --precision int8"),
    *measured_by_clips("strrn-hgn", "hgn-b"),
)

MDM_CLIPS = f"{CLIPS} --pseudo-share 0.15"
MDM = (
    *TRACKER,
    training(
        "mdm-1",
        f"--backbone mdm {MDM_CLIPS} --augmentation-annealing 0.4"
        " --detector.round-learning-rate 8e-4",
        detector=6000,
        detector_round=16000,
        tracker=1000,
        tracker_round=200,
    ),
    training(
        "mdm-2",
        f"--init {{out}}/mdm-1 {MDM_CLIPS} --augmentation-annealing 0.4"
        " --detector.round-learning-rate 8e-4",
        detector_round=14000,
        tracker_round=0,
    ),
    training(
        "mdm-3",
        f"--init {{out}}/mdm-2 {MDM_CLIPS} --augmentation-annealing 0.6 {WIDE}"
        " --detector.round-learning-rate 4e-4",
        detector_round=5000,
        tracker_round=0,
    ),
    training(
        "mdm-4",
        f"--init {{out}}/mdm-3 {MDM_CLIPS} --augmentation-annealing 0.6 {WIDEST}"
        " --detector.round-learning-rate 4e-4",
        detector_round=3500,
        tracker_round=0,
    ),
    export("mdm-4-tracked", "{out}/mdm-4 --tracker {out}/tracker-2"),
    training(
        "mdm-5",
        f"--init {{out}}/mdm-4-tracked {MDM_CLIPS} --augmentation-annealing 0.6"
        f" {WIDEST} --detector.round-learning-rate 5e-4",
        detector_round=7000,
        tracker_round=0,
    ),
    export("mdm-mean", "{out}/mdm-5 --average {out}/mdm-4-tracked"),
    export("strrn-mdm", "{out}/mdm-mean --tracker {out}/tracker-2 --precision int8"),
    *measured_by_clips("strrn-mdm", "mdm-5"),
)

# The steps of each model, and the folders of the data that it needs.
STEPS: dict[ModelName, tuple[Step, ...]] = {
    "strrn-fast": FAST,
    "strrn-hgn": HGN,
    "strrn-mdm": MDM,
}
_CLIP_FOLDERS = "300w", "videos", "youtube_celebrities"
NEEDS: dict[ModelName, tuple[str, ...]] = {
    "strrn-fast": ("300w", "infants", "people/ytf", "people/mtfl5"),
    "strrn-hgn": _CLIP_FOLDERS,
    "strrn-mdm": _CLIP_FOLDERS,
}
