"""Salesforce is a sink."""

from __future__ import annotations

from tests.conformance.sink_suite import SinkSuite


class TestSalesforcePeopleAreASink(SinkSuite):
    """With leads and contacts as one object."""
