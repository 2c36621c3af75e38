"""One record deleted, brought back, changed: the last word counts, in whatever window it is heard."""

from __future__ import annotations

import pytest

from tests.conformance.correctness.org_and_warehouse import OrgAndWarehouse


@pytest.mark.parametrize("ends_deleted", [True, False])
def test_deleted_and_brought_back_inside_one_window(way: OrgAndWarehouse, ends_deleted: bool) -> None:
    (key,) = way.create([{"Name": "now you see me"}])
    way.later(minutes=5)
    way.run()
    for _ in range(2):
        way.world.delete([key])
        way.later(seconds=10)
        way.world.control("POST", "undelete", {"ids": [key]})
        way.later(seconds=10)
    if ends_deleted:
        way.world.delete([key])
    way.later(minutes=5)

    way.run()

    assert way.in_warehouse()[key]["is_deleted"] is ends_deleted
    assert way.in_warehouse() == way.in_org()
    assert way.rows(f'select "_DELETED" from "{way.schema}"."ACCOUNT" where "ID" = \'{key}\'') == [(ends_deleted,)]
