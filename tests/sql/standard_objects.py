"""Contracts of the standard objects, by way of the sandbox's describe."""

from __future__ import annotations

from functools import cache

from crm_patterns.clients.salesforce.wire import read_description
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from sandbox.salesforce.describe import describe_object
from sandbox.salesforce.schema import Schema, load


@cache
def _schema() -> Schema:
    return load()


def contract_of(object_name: str) -> ObjectContract:
    spec = _schema().find(object_name)
    assert spec is not None, f"the sandbox has no {object_name}"
    return make_contract("salesforce", read_description(describe_object(_schema(), spec, "66.0")), FieldChoice())
