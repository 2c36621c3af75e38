"""`python -m benchmarks`: all of them, one after another; status 0 when every bar holds."""

from __future__ import annotations

import sys

from benchmarks import api_calls, extract_bulk, salesforce_upsert, warehouse_load

if __name__ == "__main__":
    sys.exit(max([extract_bulk.main(), warehouse_load.main([]), api_calls.main(), salesforce_upsert.main([])]))
