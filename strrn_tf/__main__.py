"""``python -m strrn_tf`` is the command ``strrn``."""

import sys

from strrn_tf.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
