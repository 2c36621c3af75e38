"""Beside the rows of a window: what the source's log says was deleted, staged as tombstones of the same attempt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.deletions import NOT_ASKED
from crm_patterns.core.ports import Deletions, ReadRequest, Source, StageWriter, State
from crm_patterns.core.records import Page
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.deletions import DueDeletions, due_deletions, log_start, tombstones

log = logging.getLogger(__name__)

LOOKED_UP_AT_MOST = 20_000
"""So many keys of the log are looked up at the source, 400 a call; of a longer list the log's word is taken."""


def deletions_since(state: State, source_name: str, object_name: str, kind: WindowKind) -> datetime | None:
    """From where the log is asked; None where it is not."""
    progress = state.deletion_progress(source_name, object_name)
    return log_start(kind, progress, state.watermark(source_name, object_name))


def learn(source: Source, request: ReadRequest, *, since: datetime | None, looked: Deletions | None) -> DueDeletions:
    """
    What of the log is due. `looked`: what a look brought already, which saves the call.

    A read without a cursor is complete: what it does not bring is gone, and no log is needed. One that leaves deleted
    rows out has no use for the log either.
    """
    object_name, window = request.object_name, request.window
    if request.cursor is None or not request.include_deleted:
        return DueDeletions({}, NOT_ASKED)
    if looked is None and since is not None and window.kind.moves_watermark and since < window.end:
        looked = source.deleted(object_name, since=since, until=window.end)
    due = due_deletions(window, since, looked)
    if due.evidence.gap:
        log.warning("%s: %s.", object_name, due.evidence.gap)
    return due


def stage_rows(
    source: Source, writer: StageWriter, pages: Iterator[Page], contract: ObjectContract, due: DueDeletions
) -> int:
    """Write the pages, then the tombstones of the deletions that no row tells; returns how many rows were read."""
    received, brought = 0, set[str]()
    for page in pages:
        received += page.read
        brought |= _deleted_keys(page, contract) & due.deleted_at.keys()
        writer.write(page)
    asked = sorted(due.deleted_at.keys() - brought)
    standing = {}
    if 0 < len(asked) <= LOOKED_UP_AT_MOST:
        standing = dict(source.standing_of(contract.object_name, flag=contract.deleted_flag, keys=asked))
    writer.write_tombstones(tombstones(due.deleted_at, brought=brought, standing=standing), due.evidence)
    if due.deleted_at:
        log.info(
            "%s: the source's log names %s deletions; %s came with the rows, %s came back.",
            contract.object_name, len(due.deleted_at), len(brought), sum(not in_bin for in_bin in standing.values()),
        )  # fmt: skip
    return received


def _deleted_keys(page: Page, contract: ObjectContract) -> set[str]:
    if contract.deleted_column is None or not page.rows.num_rows:
        return set()
    deleted = page.rows.filter(page.rows.column(contract.deleted_column))
    return set(deleted.column(contract.key_column).to_pylist())
