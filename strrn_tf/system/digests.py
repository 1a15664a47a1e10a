"""SHA-256 by Python's own code.

``hashlib`` and ``secrets`` load OpenSSL, 4 MB of memory, for hashes that are faster on
large files.
"""

try:
    from _sha2 import sha256  # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256
    except ImportError:  # left out of this Python
        from hashlib import sha256

__all__ = ["sha256"]
