"""Tells that ``python -m data_pipeline.animation`` is now ``strrn animate``."""

import shlex
import sys

sys.exit(
    "python -m data_pipeline.animation is called strrn animate now: "
    + shlex.join(["strrn", "animate", *sys.argv[1:]])
)
