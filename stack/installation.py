"""One installation of the local stack: its folder, its identity, its ports, its secrets."""

import secrets
from dataclasses import dataclass

from stack.errors import StackError
from stack.files import read_json, write_json
from stack.home import StackHome
from stack.members import Started
from stack.ports import LOOPBACK, choose_ports
from stack.secrets_store import StackSecrets

WAREHOUSE = "warehouse"
SALESFORCE = "salesforce"
SLACK = "slack"
HUBSPOT = "hubspot"
MARKETO = "marketo"
PARDOT = "pardot"
API_SERVER = "airflow-api-server"
LISTENING = (API_SERVER, WAREHOUSE, SALESFORCE, SLACK, HUBSPOT, MARKETO, PARDOT)


@dataclass(frozen=True, slots=True)
class Installation:
    """What a stack is, whether it runs or not."""

    home: StackHome
    stack_id: str
    ports: dict[str, int]
    secrets: StackSecrets

    @classmethod
    def prepare(cls, home: StackHome) -> "Installation":
        """For starting: folders, keys and ports are made where they are missing; ports of running services are kept."""
        home.prepare()
        known = read_json(home.identity_file)
        running = [name for name in LISTENING if is_running(home, name)]
        ports = choose_ports(LISTENING, previous=known.get("ports", {}), running=running)
        stack_id = known.get("id") or secrets.token_hex(8)
        write_json(home.identity_file, {"id": stack_id, "ports": ports})
        return cls(home, stack_id, ports, StackSecrets.load(home.secrets_file))

    @classmethod
    def existing(cls, home: StackHome) -> "Installation":
        """As it was last started.

        Raises:
            StackError: it never was.
        """
        known = read_json(home.identity_file)
        if not known:
            raise StackError(f"There is no local stack in {home.root}. Start it with `make up`.")
        return cls(home, known["id"], known["ports"], StackSecrets.load(home.secrets_file))

    def url(self, service: str) -> str:
        """Where a service listens; loopback only."""
        scheme = "https" if service == WAREHOUSE else "http"
        return f"{scheme}://{LOOPBACK}:{self.ports[service]}"


def is_running(home: StackHome, service: str) -> bool:
    """Whether the process in the service's pid file still is the one that was started."""
    started = Started.read(home.pid_file(service))
    return started is not None and started.process() is not None
