"""Which objects a run is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.branch import BaseBranchOperator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context


class ChooseObjectsOperator(BaseBranchOperator):
    """
    Skip the objects that the run's form did not ask for, at once and without a task of their own each.

    `object_names` are the ids of the objects' task groups.
    """

    def __init__(self, *, object_names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.object_names = tuple(object_names)

    def choose_branch(self, context: Context) -> list[str]:
        wanted = context["params"].get("objects") or self.object_names
        return [name for name in self.object_names if name in wanted]
