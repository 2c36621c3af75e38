"""
Statements: `<root>/<pattern>/<verb_object>.<dialect>.sql`, one statement per file.

Names are rendered through checking filters; values stay `%(name)s` and are bound by the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, UndefinedError

from crm_patterns.core.contracts import ContractField
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.meanings import meaning_of
from crm_patterns.core.own_columns import HISTORY_COLUMNS, OWN_COLUMNS
from crm_patterns.warehouse.identifiers import (
    folder_name,
    identifier,
    inside_a_bound_statement,
    prose,
    stage_name,
    table_name,
)


class Templates:
    """
    Renders the statements of one dialect. `column_type` gives a contract field's type in DDL.

    Every template sees `own_columns`, the columns we add to a current table, and `history_columns`, a history's range.
    """

    def __init__(self, root: Path, *, dialect: str, column_type: Callable[[ContractField], str]) -> None:
        self.root = root
        self.dialect = dialect
        # Autoescaping is for HTML; here every name goes through a filter that checks it.
        self._environment = Environment(
            loader=FileSystemLoader(root),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            identifier=identifier,
            table=table_name,
            stage=stage_name,
            folder=folder_name,
            embedded=inside_a_bound_statement,
            prose=prose,
            type=column_type,
            meaning=lambda column: prose(meaning_of(column)),
        )

        self._environment.globals["own_columns"] = OWN_COLUMNS
        self._environment.globals["history_columns"] = HISTORY_COLUMNS

    def statements(self) -> list[str]:
        """Names of all statements of this dialect, as `render` takes them."""
        ending = f".{self.dialect}.sql"
        files = (file.relative_to(self.root).as_posix() for file in self.root.rglob(f"*{ending}"))
        return sorted(name.removesuffix(ending) for name in files)

    def render(self, statement: str, names: Mapping[str, Any]) -> str:
        """FixSettings where there is no such statement, or it needs a name that was not given."""
        file = f"{statement}.{self.dialect}.sql"
        try:
            return self._environment.get_template(file).render(names).strip()
        except TemplateNotFound as error:
            raise FixSettings(
                f"There is no statement {error.name} under {self.root}.",
                fix="Point CRM_PATTERNS_INCLUDE at the project's include folder, or restore the file.",
            ) from error
        except UndefinedError as error:
            raise FixSettings(
                f"The statement {self.root / file} needs a name: {error}.", fix="Correct the file."
            ) from error
