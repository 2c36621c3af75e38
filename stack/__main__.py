"""`python -m stack up|down|status|env|demo`: the commands behind the Makefile."""

import os
import sys
import time

import typer
from rich.console import Console

from stack import supervisor
from stack.environment import ADMIN, exports, shell_lines
from stack.errors import StackError
from stack.home import StackHome
from stack.installation import API_SERVER, Installation

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """One line of progress, on standard error."""
    console.print(line, markup=False)


def how_to_sign_in(installation: Installation) -> list[str]:
    """Address and credentials of the Airflow UI of this stack."""
    return [
        f"Airflow     {installation.url(API_SERVER)}",
        f"sign in as  {ADMIN}  password  {installation.secrets.admin_password}",
    ]


@app.command()
def up() -> None:
    """Start what is missing of the local stack and wait until all of it answers."""
    began = time.monotonic()
    installation = supervisor.up(StackHome.locate(), say)
    say(f"the local stack is up ({time.monotonic() - began:.1f} s); logs are in {installation.home.logs}")
    for line in how_to_sign_in(installation):
        say(line)


@app.command()
def down() -> None:
    """Stop every process of the local stack; its data is kept."""
    count = supervisor.down(StackHome.locate(), say)
    say(f"stopped {count} processes" if count else "nothing was running")


@app.command()
def status() -> None:
    """Show what runs and whether it answers; exit status 0 only if all of it does."""
    installation = Installation.existing(StackHome.locate())
    healthy = True
    for name, pid, ready in supervisor.status(installation):
        healthy = healthy and ready
        state = "not running" if pid is None else ("ready" if ready else "not answering")
        print(f"{name:<24}{state:<16}{pid or ''}")
    for line in how_to_sign_in(installation):
        print(line)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def env() -> None:
    """Print `export` lines: eval "$(make -s env)" lets a shell use `airflow` against this stack."""
    for line in shell_lines(exports(Installation.existing(StackHome.locate()), os.environ)):
        print(line)


@app.command()
def demo() -> None:
    """Run the whole way once with live progress and print what happened; exit status 0 only if all of it is true."""
    from stack.demo import demo as run_demo

    raise typer.Exit(0 if run_demo(StackHome.locate(), say) else 1)


def main() -> None:
    """Run a command; a failure of the stack is one message and exit status 1."""
    try:
        app()
    except StackError as failure:
        console.print(f"error: {failure}", style="bold red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
