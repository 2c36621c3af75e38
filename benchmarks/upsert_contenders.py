"""
One contender of `benchmarks.salesforce_upsert`, in a process of its own: `… CONTENDER --url URL --token T --rows N`.

Prints how many outcomes it knows at the end, its calls, and how long it took from the records in hand: dicts for
simple-salesforce, for the product the changes of a plan, whose ids were made when they were noted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping

VERSION = "62.0"
KEY = "ERP_Customer__c"
INDUSTRIES = ("Energy", "Media", "Retail", "Banking")


def accounts(rows: int, turn: int) -> Iterator[Mapping[str, str | int]]:
    """Five fields each, other values in each turn."""
    for number in range(rows):
        yield {
            KEY: f"BENCH-{number:07d}",
            "Name": f"Account {number}, of turn {turn}",
            "Industry": INDUSTRIES[(number + turn) % 4],
            "Website": f"https://www.{number}.example/{turn}",
            "NumberOfEmployees": (number + turn) % 9000,
        }


def product(url: str, token: str, rows: int, turn: int) -> tuple[int, float]:
    """The package: its sink, in batches as it asks for them. Every outcome is known."""
    from crm_patterns.clients.salesforce.sink import SalesforceSink
    from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
    from crm_patterns.core.changes import Action, Change, FieldChange
    from crm_patterns.core.pieces import pieces
    from crm_patterns.core.ports import Answer

    changes = [
        Change(
            "salesforce", "Account", Action.CREATE, str(account[KEY]),
            fields=tuple(FieldChange(name, None, value) for name, value in account.items()),
            lookup=(KEY, str(account[KEY])),
        )
        for account in accounts(rows, turn)
    ]  # fmt: skip
    ids = {change.change_id for change in changes}
    started = time.perf_counter()
    sink = SalesforceSink(SalesforceConnection(session_id=token, instance_url=url, version=VERSION))
    size = sink.batch_size("Account", Action.CREATE, changes=rows)
    answers = [each for some in pieces(changes, size) for each in sink.apply("Account", Action.CREATE, some)]
    took_s = time.perf_counter() - started
    sink.close()
    accepted = {answer.change_id for answer in answers if answer.answer is Answer.ACCEPTED and answer.record_id}
    return len(ids & accepted), took_s


def simple(url: str, token: str, rows: int, turn: int, *, wait: float) -> tuple[int, float]:
    """simple-salesforce's `bulk2…upsert`; it returns counts, and no outcome of any record."""
    from simple_salesforce.bulk2 import SFBulk2Handler

    handler = SFBulk2Handler(token, f"{url}/services/data/v{VERSION}/jobs/")
    records = [{name: str(value) for name, value in account.items()} for account in accounts(rows, turn)]
    started = time.perf_counter()
    told = handler.Account.upsert(records=records, external_id_field=KEY, wait=wait)
    took_s = time.perf_counter() - started
    done = sum(each["numberRecordsProcessed"] - each["numberRecordsFailed"] for each in told)
    if done != rows:
        raise RuntimeError(f"simple-salesforce wrote {done:,} rows of {rows:,}.")
    return 0, took_s


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=["product", "simple", "simple_default"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--turn", type=int, required=True)
    chosen = parser.parse_args()
    given = (chosen.url, chosen.token, chosen.rows, chosen.turn)
    if chosen.contender == "product":
        outcomes, took_s = product(*given)
    else:
        outcomes, took_s = simple(*given, wait=0.001 if chosen.contender == "simple" else 5)
    print(json.dumps({"outcomes": outcomes, "took_s": took_s}))


if __name__ == "__main__":
    main()
