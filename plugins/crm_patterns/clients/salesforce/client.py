"""Salesforce as a `core.ports.Source`: REST for small questions, Bulk API 2.0 query for many rows."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime

from crm_patterns.clients.network import is_this_machine
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce import key_questions, soql, wire
from crm_patterns.clients.salesforce.deletion_log import deleted
from crm_patterns.clients.salesforce.errors import Gone
from crm_patterns.clients.salesforce.jobs import QueryJobs
from crm_patterns.clients.salesforce.key_questions import BULK_KEYS_ABOVE
from crm_patterns.clients.salesforce.looking import look
from crm_patterns.clients.salesforce.org import Org
from crm_patterns.clients.salesforce.results import PARALLEL_SINCE, JobResults, PageOptions
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.clients.typing_rows import columns_by_field, typed_page
from crm_patterns.core.contracts import ObjectContract, ObjectDescription
from crm_patterns.core.errors import FixSettings, RetryLater, SchemaMoved, StopRun
from crm_patterns.core.keys import NO_KEYS, KeyRing
from crm_patterns.core.ports import (
    Allowance,
    Deletions,
    JobStatus,
    Look,
    LookRequest,
    ReadRequest,
    Usage,
)
from crm_patterns.core.records import Page

log = logging.getLogger(__name__)


class SalesforceClient:
    """
    One org. Signs in at the first call; may be used from several threads; close it when done.

    FixSettings at once where the connection is incomplete; every other fault comes with the call that meets it.
    """

    name = "salesforce"

    def __init__(
        self,
        connection: SalesforceConnection,
        *,
        pages: PageOptions | None = None,
        patience: Patience | None = None,
        bulk_keys_above: int = BULK_KEYS_ABOVE,
        hash_keys: KeyRing = NO_KEYS,
    ) -> None:
        self._org = Org(connection, patience=patience)
        self._base, self._transport, self._queries = self._org.base, self._org.transport, self._org.queries
        self._pages = pages or PageOptions()
        self._bulk_keys_above = bulk_keys_above
        self._hash_keys = hash_keys
        self._jobs = QueryJobs(self._transport, base=self._base, now=self.now)
        self._rows_by_job: dict[str, int] = {}

    # --- small questions ----------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self._org.now()

    def host(self) -> str:
        return self._org.host()

    def object_names(self) -> Sequence[str]:
        return self._org.object_names()

    def look(self, request: LookRequest) -> Look:
        if not soql.is_name(request.object_name):
            raise self._unknown(request.object_name)
        try:
            return look(self._transport, self._queries, request, base=self._base, now=self.now())
        except Gone as error:
            raise self._unknown(request.object_name) from error

    def describe(self, object_name: str) -> ObjectDescription:
        if not soql.is_name(object_name):
            raise self._unknown(object_name)
        path = f"{self._base}/sobjects/{object_name}/describe"
        try:
            reply = self._org.get(path, f"the description of {object_name}")
        except Gone as error:
            raise self._unknown(object_name) from error
        return wire.read_description(wire.read_json(reply.body))

    def existing_fields(self, object_name: str) -> Set[str] | None:
        """By FieldDefinition of the Tooling API, which lists fields without regard to field-level security."""
        about = f"the field definitions of {object_name}"
        try:
            records = self._queries.tooling(soql.field_names(object_name), about)
        except (FixSettings, StopRun, SchemaMoved) as refusal:
            log.warning("Whether a field was deleted or hidden cannot be told: %s", refusal)
            return None
        return {str(record["QualifiedApiName"]).lower() for record in records} or None

    def count(self, request: ReadRequest) -> int:
        about = f"the count of {request.object_name}"
        return int(self._queries.ask(soql.count(request), about, include_deleted=soql.asks_all(request))["totalSize"])

    def cursors_of(self, object_name: str, *, cursor: str, keys: Sequence[str]) -> Mapping[str, datetime | None]:
        return key_questions.cursors_of(self._queries, object_name, cursor=cursor, keys=keys)

    def allowance(self) -> Allowance:
        limits = wire.read_json(self._org.get(f"{self._base}/limits", "the org's limits").body)
        return wire.read_allowance(limits, read_at=datetime.now(UTC))

    def deleted(self, object_name: str, *, since: datetime, until: datetime) -> Deletions:
        return deleted(self._transport, object_name, base=self._base, since=since, until=until)

    def standing_of(self, object_name: str, *, flag: str | None, keys: Sequence[str]) -> Mapping[str, bool]:
        return key_questions.standing_of(self._queries, object_name, flag=flag, keys=keys)

    def usage(self) -> Usage:
        return self._org.meter.usage()

    def close(self) -> None:
        self._org.close()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def read_rows(self, request: ReadRequest, contract: ObjectContract) -> Iterator[Page]:
        yield from self._typed(soql.select(request), contract, include_deleted=soql.asks_all(request))

    def _typed(self, text: str, contract: ObjectContract, *, include_deleted: bool) -> Iterator[Page]:
        names = [field.name for field in contract.fields]
        about = f"rows of {contract.object_name}"
        for records in self._queries.records(text, about, include_deleted=include_deleted):
            try:
                texts = wire.columns_of(records, names)
            except KeyError as error:
                raise StopRun(f"A record of {contract.object_name} came without the field {error}.") from error
            yield typed_page(contract, columns_by_field(contract, texts), self._hash_keys)

    def read_keys(self, contract: ObjectContract, keys: Sequence[str]) -> Iterator[Page]:
        names = [field.name for field in contract.fields]
        for text in soql.by_ids(contract.object_name, names, keys):
            yield from self._typed(text, contract, include_deleted=True)

    def submit(self, request: ReadRequest) -> str:
        return self._jobs.submit(request)

    def job_status(self, job_id: str) -> JobStatus:
        status = self._jobs.status(job_id)
        if status.rows is not None:
            self._rows_by_job[job_id] = status.rows
        return status

    def read_job(self, job_id: str, contract: ObjectContract) -> Iterator[Page]:
        rows = self._rows_by_job.get(job_id)
        if rows is None:
            status = self.job_status(job_id)
            if status.rows is None:
                raise RetryLater(f"The bulk job {job_id} is {status.state}: {status.problem or 'no results'}.")
            rows = status.rows
        results = JobResults(
            self._transport, job_id, contract, base=self._base, rows=rows, options=self._page_options(),
            keys=self._hash_keys,
        )  # fmt: skip
        yield from results.pages()

    def page_of(self, job_id: str) -> str:
        """Setup, Bulk Data Load Jobs; a job that was read is deleted, and its page says so."""
        return f"{self._org.session.token().base_url}/lightning/setup/AsyncApiJobStatus/page?address=%2F{job_id}"

    def discard(self, job_id: str) -> None:
        self._jobs.discard(job_id)

    def cursors_in(self, request: ReadRequest) -> Mapping[str, datetime | None]:
        return key_questions.cursors_in(self, request, bulk_above=self._bulk_keys_above, sleep=self._org.patience.sleep)

    # --- plumbing -----------------------------------------------------------------------------------------------------

    def _page_options(self) -> PageOptions:
        wanted = self._pages
        gzip = not is_this_machine(self._org.session.token().base_url) if wanted.gzip is None else wanted.gzip
        parallel = wanted.parallel and float(self._org.version) >= PARALLEL_SINCE
        return PageOptions(wanted.rows, wanted.ahead, gzip, parallel)

    def _unknown(self, object_name: str) -> FixSettings:
        names = {name.lower(): name for name in self.object_names()}
        near = [names[name] for name in difflib.get_close_matches(object_name.lower(), names, n=3)]
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        return FixSettings(
            f"Salesforce has no object {object_name} that this user may read.",
            fix=f"{hint}Correct the name in include/config/warehouse_elt.yaml, or give the integration user access.",
        )
