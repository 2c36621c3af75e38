"""Values that pipelines break on arrive as they are, by Bulk and by REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.conformance.correctness.org_and_warehouse import OrgAndWarehouse

TEXTS = [
    "line\nbreak\r\nand\rmore\n",
    'said "so", she\'d; a,b;c\td',
    "\ufeffbyte order mark",
    "🦄👩‍👩‍👧‍👦 emoji",
    "\u05e9\u05dc\u05d5\u05dd \u200f\u0639\u0627\u0644\u0645",  # right to left, with a mark
    "=1+1",
    "@SUM(A1)",
    "NA",
    "n/a",
    "null",
    "None",
    "#N/A",
    "0000000005",
    "1e5",
    "true",
    "\\N \\x00 \\",
    "%s {0} ${HOME}",
    "tab\tvertical\x0btab",
]


@pytest.fixture
def wide(way: OrgAndWarehouse) -> OrgAndWarehouse:
    fields = {"Long__c": "textarea(140000)", "Exact__c": "double(18,0)", "Money__c": "currency(18,2)", "Day__c": "date"}
    for name, definition in fields.items():
        way.world.control(
            "POST", "fields", {"action": "add", "object": "Account", "field": name, "definition": definition}
        )
    yield way
    for name in fields:
        way.world.control("POST", "fields", {"action": "remove", "object": "Account", "field": name})


@pytest.mark.parametrize("read", ["bulk", "rest"])
def test_every_text_arrives_as_it_is(way: OrgAndWarehouse, read: str) -> None:
    keys = way.create({"Name": f"text {number}", "Description": text} for number, text in enumerate(TEXTS))
    way.later(minutes=10)

    way.run(read=read)

    table = way.in_warehouse()
    assert [table[key]["description"] for key in keys] == [way.in_org()[key]["description"] for key in keys]
    assert table == way.in_org()


@pytest.mark.parametrize("read", ["bulk", "rest"])
def test_long_texts_exact_numbers_and_far_days(wide: OrgAndWarehouse, read: str) -> None:
    values: list[dict[str, Any]] = [
        {"Name": "long", "Long__c": "ß" * 131_073},
        {"Name": "digits", "Exact__c": Decimal("999999999999999999"), "Money__c": Decimal("9999999999999999.99")},
        {"Name": "small", "Money__c": Decimal("-0.01"), "Day__c": "1700-01-01"},
        {"Name": "far", "Day__c": "4000-12-31"},
        {"Name": "empty", "Long__c": "", "Day__c": None},
    ]
    keys = wide.create(values)
    wide.later(minutes=10)

    wide.run(read=read)

    table = wide.in_warehouse()
    assert len(table[keys[0]]["long_c"]) == 131_073
    assert table[keys[1]]["exact_c"] == Decimal("999999999999999999").normalize()
    assert str(table[keys[2]]["day_c"]) == "1700-01-01"
    assert table == wide.in_org()
