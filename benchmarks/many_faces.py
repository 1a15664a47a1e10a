"""Names the successor of ``python benchmarks/many_faces.py``."""

import shlex
import sys

words = ["python", "-m", "benchmarks.accuracy.many_faces", *sys.argv[1:]]
print(
    f"python benchmarks/many_faces.py is called: {shlex.join(words)}", file=sys.stderr
)
sys.exit(2)
