"""`python -m smctrain`."""

from __future__ import annotations

import sys

from smctrain.cli import main

if __name__ == "__main__":
    sys.exit(main())
