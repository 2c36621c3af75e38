"""What the steps share that write a plan to other systems: the systems, and the plan as it was staged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.run_step import RunStep, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.core.changes import ChangeSet
    from crm_patterns.core.ports import Sink, State


class WritingStep(RunStep):
    """A step about one plan, which `object_name` names in the ledger."""

    def __init__(self, *, settings: MarketingSyncSettings, **kwargs: Any) -> None:
        super().__init__(settings=settings, **kwargs)
        self.settings = settings

    @abstractmethod
    def connections(self) -> Mapping[str, str]:
        """The systems that the plan may write to, each with its connection."""

    @abstractmethod
    def held(self, state: State) -> Mapping[tuple[str, str], int | None]:
        """How many records a system holds of an object, where that is known: by (system, object)."""

    @contextmanager
    def systems(self, state: State, context: Context) -> Iterator[Mapping[str, Sink]]:
        """By name, for this task, opened when first asked for. What they cost is on record, however the task ends."""
        from crm_patterns.hooks.platforms import sink_of

        sinks = OpenedWhenAsked(self.connections(), sink_of)
        try:
            yield sinks
        finally:
            for sink in sinks.opened.values():
                at = datetime.now(UTC)
                state.record_calls(
                    run_key(context), sink.name, self.object_name, step=self.step, usage=sink.usage(), at=at
                )
                sink.close()

    def changes_of(self, planned: Mapping[str, Any]) -> ChangeSet:
        """The plan as it was staged."""
        from crm_patterns.core.staging import StageRef
        from crm_patterns.steps.staged_changes import read_changes

        return read_changes(self._stage(), StageRef.from_xcom(planned["plan"]))

    def stage_path_of(self, uri: str) -> str:
        """Of a stage, below the root of all."""
        return uri.removeprefix(f"{self.settings.stage_root}/")


class OpenedWhenAsked(Mapping[str, "Sink"]):
    """Systems by name; one that nobody asks for is not signed in to."""

    def __init__(self, connections: Mapping[str, str], opening: Callable[[str, str], Sink]) -> None:
        self.opened: dict[str, Sink] = {}
        self._connections = connections
        self._opening = opening

    def __getitem__(self, system: str) -> Sink:
        if system not in self.opened:
            self.opened[system] = self._opening(system, self._connections[system])
        return self.opened[system]

    def __contains__(self, system: object) -> bool:
        return system in self._connections

    def __iter__(self) -> Iterator[str]:
        return iter(self._connections)

    def __len__(self) -> int:
        return len(self._connections)
