"""Names the successor of ``python -m data_pipeline.animation``."""

import shlex
import sys

sys.exit(
    "python -m data_pipeline.animation is called strrn animate now: "
    + shlex.join(["strrn", "animate", *sys.argv[1:]])
)
