"""What earlier tries of a run have published: it is part of what the run did, also where it was killed since."""

from __future__ import annotations

import logging
from collections.abc import Callable

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.ports import RunKey, State
from crm_patterns.core.staging import StageRef

log = logging.getLogger(__name__)


def published_before(state: State, run: RunKey, object_name: str, again: Callable[[StageRef], Tally]) -> Tally:
    """
    The sum of what they foresaw. `again` publishes the same stage once more, and leaves what is there as it is.

    It is called where tables of the attempt are left: that one may have died before its MERGE, or between two.
    """
    left, total = [table.name for _, table in state.attempt_tables(run=run)], Tally()
    for planned in state.planned_publishes(run, object_name):
        if any(f"__{planned.attempt_id}".upper() in name for name in left):
            log.info("%s: an earlier try began to publish %s; finishing that.", object_name, planned.stage.uri)
            again(planned.stage)
        total += planned.tally
    return total
