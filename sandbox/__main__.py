"""Start the local systems from the command line: `python -m sandbox salesforce --data DIR`."""

import json
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sandbox.serving import PortTaken, listen, serve, url_of

cli = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

ORG_LIMIT_S = 120.0

Data = Annotated[Path, typer.Option(help="Folder of the data; made when missing, kept between starts.")]
Port = Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
ReadyFile = Annotated[Path | None, typer.Option(help="JSON file with url and pid, written once it serves.")]


@cli.command()
def salesforce(
    data: Data,
    port: Port = 0,
    host: Host = "127.0.0.1",
    ready_file: ReadyFile = None,
    size: Annotated[
        int, typer.Option(min=1, help="Number of Opportunities of a new org; the rest in proportion.")
    ] = 1000,
    only: Annotated[str, typer.Option(help="Fill only these objects (A,B) and those that they refer to.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same records.")] = 7,
    login_port: Annotated[str, typer.Option(help="`same`, or a port of its own for signing in (0: free).")] = "same",
    public_url: Annotated[str, typer.Option(help="instance_url to give to clients, if not where they signed in.")] = "",
) -> None:
    """Serve a Salesforce org."""
    from sandbox.salesforce.app import create_app
    from sandbox.salesforce.populate import PopulationError, populate
    from sandbox.salesforce.store import Org

    listeners = [_listen(host, port)]
    if login_port != "same":
        listeners.append(_listen(host, _number(login_port, "--login-port")))
    url, login_url = public_url.rstrip("/") or url_of(listeners[0]), url_of(listeners[-1])
    org = Org(data)
    try:
        populate(org, size=size, seed=seed, only=[name for name in only.split(",") if name])
        org.public_url = url if public_url or len(listeners) > 1 else None
        app = create_app(org, login_url=login_url if len(listeners) > 1 else url)
        serve(app, listeners, ready_file=ready_file, facts={"url": url, "login_url": login_url})
    except PopulationError as error:
        _fail(str(error))
    finally:
        org.close()


@cli.command()
def slack(data: Data, port: Port = 0, host: Host = "127.0.0.1", ready_file: ReadyFile = None) -> None:
    """Serve a Slack workspace."""
    from sandbox.slack.app import create_app

    listener = _listen(host, port)
    serve(create_app(data), [listener], ready_file=ready_file, facts={"url": url_of(listener)})


@cli.command()
def hubspot(
    data: Data,
    port: Port = 0,
    host: Host = "127.0.0.1",
    ready_file: ReadyFile = None,
    size: Annotated[
        int, typer.Option(min=0, help="Number of contacts of a new account; a company for every 4.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same records.")] = 7,
) -> None:
    """Serve a HubSpot account."""
    from sandbox.hubspot.account import Account
    from sandbox.hubspot.app import create_app
    from sandbox.hubspot.populate import populate

    listener = _listen(host, port)
    account = Account(data, seed=seed)
    try:
        populate(account, size=size, seed=seed)
        serve(create_app(account), [listener], ready_file=ready_file, facts={"url": url_of(listener)})
    finally:
        account.close()


@cli.command()
def marketo(
    data: Data,
    port: Port = 0,
    host: Host = "127.0.0.1",
    ready_file: ReadyFile = None,
    size: Annotated[int, typer.Option(min=0, help="Number of leads of a new instance.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the people of the Salesforce org of that seed.")] = 7,
) -> None:
    """Serve a Marketo instance."""
    from sandbox.marketo.app import create_app
    from sandbox.marketo.instance import Instance
    from sandbox.marketo.populate import populate

    listener = _listen(host, port)
    instance = Instance(data, seed=seed)
    try:
        populate(instance, size=size, seed=seed)
        serve(create_app(instance), [listener], ready_file=ready_file, facts={"url": url_of(listener)})
    finally:
        instance.close()


@cli.command()
def pardot(
    data: Data,
    salesforce_data: Annotated[Path, typer.Option(help="Folder of a running Salesforce stand-in, whose tokens count.")],
    port: Port = 0,
    host: Host = "127.0.0.1",
    ready_file: ReadyFile = None,
    size: Annotated[int, typer.Option(min=0, help="Prospects of a new unit, most of them people of the org.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same org, size and seed give the same records.")] = 7,
) -> None:
    """Serve a business unit of Account Engagement (Pardot)."""
    from sandbox.pardot.app import create_app
    from sandbox.pardot.populate import populate
    from sandbox.pardot.tokens import SalesforceSignIn
    from sandbox.pardot.unit import Unit

    listener, sign_in = _listen(host, port), SalesforceSignIn(salesforce_data)
    unit = Unit(data)
    try:
        sign_in.wait(limit_s=ORG_LIMIT_S)
        populate(unit, sign_in, size=size, seed=seed)
        app = create_app(unit, sign_in)
        serve(app, [listener], ready_file=ready_file, facts={"url": url_of(listener)})
    except TimeoutError as error:
        _fail(str(error))
    finally:
        unit.close()


@cli.command()
def tick(
    url: Annotated[str, typer.Option(help="Address of a running stand-in of a CRM or a marketing platform.")],
    count: Annotated[int, typer.Option(min=1, help="How much happens: about this many changes of records.")] = 100,
) -> None:
    """Let a running org live on: creates, edits, stage moves, closes, deletes, merges."""
    body = json.dumps({"count": count}).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is the user's own
        f"{url.rstrip('/')}/__sandbox__/tick", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            typer.echo(answer.read().decode())
    except OSError as error:
        _fail(f"no stand-in answers at {url}: {error}")


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except PortTaken as error:
        _fail(str(error))


def _number(text: str, option: str) -> int:
    if not text.isdigit():
        _fail(f"{option} is `same` or a number, not {text!r}")
    return int(text)


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(2)


if __name__ == "__main__":
    cli()
