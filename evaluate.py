"""``python evaluate.py`` is the command ``strrn evaluate``."""

import sys

from strrn_tf.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
