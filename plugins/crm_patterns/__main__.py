"""Commands beside Airflow: the data dictionary, what a run would write, and the questions that wait for a person."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from crm_patterns.catalog import WarehouseEltSettings, include_dir, load_warehouse_elt
from crm_patterns.commands import plan_marketing_sync, reviews
from crm_patterns.core.errors import IntegrationError
from crm_patterns.core.keys import Purpose
from crm_patterns.core.ports import Source
from crm_patterns.patterns.dictionary import Documented, render
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from crm_patterns.warehouse.dialects.snowflake import column_type


class Parser(argparse.ArgumentParser):
    """Says 1 where it does not understand: 2 is an answer of `plan`."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: error: {message}\n")


def main(arguments: list[str]) -> int:
    """The exit status. Airflow's connections must be there, as for a task."""
    parser = Parser(prog="python -m crm_patterns", description=__doc__)
    commands = parser.add_subparsers(required=True)
    dictionary = commands.add_parser("dictionary", help="describe every column of every object in Markdown")
    dictionary.add_argument("file", nargs="?", type=Path, help="where to write it; without one it is printed")
    dictionary.set_defaults(run=_dictionary)
    plan = commands.add_parser(
        "plan",
        help="print what the next run would write, and write nothing",
        epilog=plan_marketing_sync.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    plan_marketing_sync.add_arguments(plan)
    plan.set_defaults(run=plan_marketing_sync.run)
    questions = commands.add_parser("reviews", help="list the questions that no rule answers, or answer one")
    reviews.add_arguments(questions)
    questions.set_defaults(run=reviews.run)
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except IntegrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _dictionary(given: argparse.Namespace) -> int:
    text = made_from_the_source()
    if given.file:
        given.file.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def made_from_the_source() -> str:
    """One call per object to the connection of the settings."""
    from crm_patterns.hooks.keys import KeysHook
    from crm_patterns.hooks.salesforce import SalesforceSourceHook

    settings = load_warehouse_elt(include_dir() / "config" / "warehouse_elt.yaml")
    key = KeysHook(settings.keys_conn_id).ring(Purpose.HASH).current
    source = SalesforceSourceHook(settings.source_conn_id).source()
    try:
        return dictionary_of(settings, source, hash_key=key or "none yet")
    finally:
        source.close()


def dictionary_of(settings: WarehouseEltSettings, source: Source, *, hash_key: str) -> str:
    documented = []
    for item in settings.objects:
        choice = FieldChoice(item.include, item.exclude, item.hashed, item.cursor, item.blocked, hash_key)
        description = source.describe(item.name)
        contract = make_contract(source.name, description, choice)
        documented.append(Documented(description, contract, settings.target_schema, item.blocked))
    return render(documented, type_of=column_type)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
