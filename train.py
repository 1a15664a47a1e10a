"""``python train.py`` is the command ``strrn train``."""

import sys

from strrn_tf.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
