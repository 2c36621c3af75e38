"""`python -m benchmarks`: all of them, one after another; status 0 when every bar holds."""

from __future__ import annotations

import sys

from benchmarks import extract_bulk

if __name__ == "__main__":
    sys.exit(extract_bulk.main())
