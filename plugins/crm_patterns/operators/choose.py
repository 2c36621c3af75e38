"""Which objects a run is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.branch import BaseBranchOperator

from crm_patterns.operators.step import REACTIONS, run_key, run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import WarehouseEltSettings

TASK_ID = "choose_objects"
CHOSEN = "chosen"


class ChooseObjectsOperator(BaseBranchOperator):
    """
    Skip the objects that the run's form did not ask for, at once and without a task of their own each.

    `object_names` are the ids of the objects' task groups, `param` the form's field that names some of them.
    """

    def __init__(self, *, object_names: Iterable[str], param: str = "objects", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.param = param
        self.object_names = tuple(object_names)

    def choose_branch(self, context: Context) -> list[str]:
        names = self._choose(context)
        # A branching task that skips anything ends in an exception of Airflow's, and so never pushes what it returns.
        context["ti"].xcom_push(key=CHOSEN, value=names)
        return names

    def _choose(self, context: Context) -> list[str]:
        return asked_for(self.object_names, context, param=self.param)


class ChooseDueObjectsOperator(ChooseObjectsOperator):
    """
    The same, except that a run of the schedule leaves out daily objects that were read today already.

    It also asks the source, once for all tasks of the run, what its quotas still grant.
    """

    def __init__(self, *, settings: WarehouseEltSettings, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(object_names=[item.name for item in settings.objects], **kwargs)
        self.settings = settings

    def execute(self, context: Context) -> Any:
        self._note_quota(context)
        return super().execute(context)

    def _choose(self, context: Context) -> list[str]:
        names = super()._choose(context)
        is_a_persons_choice = run_type(context) != "scheduled" or context["params"].get("objects")
        return names if is_a_persons_choice else self._due(names)

    def _note_quota(self, context: Context) -> None:
        """A source that cannot be asked is for the objects' own tasks to complain about."""
        from crm_patterns.core.errors import IntegrationError
        from crm_patterns.hooks.salesforce import SalesforceSourceHook
        from crm_patterns.hooks.state import StateHook
        from crm_patterns.steps import quota

        settings, now = self.settings, datetime.now(UTC)
        state, run = StateHook(settings.state_conn_id).state(), run_key(context)
        state.start_run(run, source=settings.source, run_type=run_type(context), at=now)
        try:
            source = SalesforceSourceHook(settings.source_conn_id).source()
        except IntegrationError as error:
            self.log.warning("%s", error)
            return
        quota.note(source, state, run, at=now)
        state.record_calls(run, source.name, "", step=TASK_ID, usage=source.usage(), at=now)
        source.close()

    def _due(self, names: Sequence[str]) -> list[str]:
        from crm_patterns.hooks.state import StateHook
        from crm_patterns.patterns.cadence import is_due

        settings, state, now = self.settings, StateHook(self.settings.state_conn_id).state(), datetime.now(UTC)
        due = [
            name
            for name in names
            if is_due(
                settings.object(name).every,
                watermark=state.watermark(settings.source, name),
                lag=timedelta(seconds=settings.lag_s),
                now=now,
            )
        ]
        if len(due) < len(names):
            self.log.info("Read today already: %s.", ", ".join(name for name in names if name not in due))
        return due


def asked_for(object_names: Iterable[str], context: Context, *, param: str = "objects") -> list[str]:
    """The objects named in the run's form, in their order in the settings; all where it names none."""
    wanted = context["params"].get(param)
    return [name for name in object_names if not wanted or name in wanted]


def chosen(settings: WarehouseEltSettings, context: Context) -> list[str]:
    """What `choose_objects` of this run decided; where it has left no word, all that could have been meant."""
    names = context["ti"].xcom_pull(task_ids=TASK_ID, key=CHOSEN)
    if names is None:
        return asked_for([item.name for item in settings.objects], context)
    return [str(name) for name in names]
