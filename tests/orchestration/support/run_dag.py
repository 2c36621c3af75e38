"""Run the warehouse DAG once in a process of its own: `python -m … STATE_EXPECTED OBJECT …`."""

from __future__ import annotations

import sys

from tests.orchestration.support.stand import dag

if __name__ == "__main__":
    expect, *objects = sys.argv[1:]
    run = dag("crm_warehouse_elt", retries=0).test(run_conf={"objects": objects})
    sys.exit(str(run.state) != expect)
