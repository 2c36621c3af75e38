"""`python -m benchmarks`: all of them, one after another; status 0 when every bar holds."""

from __future__ import annotations

import sys

from benchmarks import api_calls, extract_bulk, marketing_sync, salesforce_upsert, warehouse_load

if __name__ == "__main__":
    statuses = [extract_bulk.main(), warehouse_load.main([]), api_calls.main()]
    sys.exit(max([*statuses, salesforce_upsert.main([]), marketing_sync.main([])]))
