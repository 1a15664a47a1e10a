"""Tells that ``python -m data_pipeline.animation`` is now ``strrn animate``."""

import shlex
import sys

command = shlex.join(["strrn", "animate", *sys.argv[1:]])
print(f"python -m data_pipeline.animation is called: {command}", file=sys.stderr)
sys.exit(2)
