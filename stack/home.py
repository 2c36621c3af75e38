"""Where the local stack keeps everything it writes: one folder, `.stack` in the clone."""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
HOME_VARIABLE = "CRM_STACK_HOME"


@dataclass(frozen=True, slots=True)
class StackHome:
    """The run-time folder of one stack. Two clones, or two values of `CRM_STACK_HOME`, never share anything."""

    root: Path

    @classmethod
    def locate(cls) -> "StackHome":
        """`CRM_STACK_HOME` when set, else `.stack` beside this package."""
        return cls(Path(os.environ.get(HOME_VARIABLE) or REPOSITORY / ".stack").resolve())

    def prepare(self) -> None:
        """Create the folders; readable by their owner alone, because keys and passwords live here."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (
            self.airflow,
            self.logs,
            self.pids,
            self.warehouse,
            self.stage,
            self.state,
            self.tls,
            self.ready,
        ):
            folder.mkdir(parents=True, exist_ok=True)

    def service_data(self, name: str) -> Path:
        """Data folder of a sandbox service."""
        return self.root / "sandbox" / name

    def ready_file(self, service: str) -> Path:
        """Written by a service of ours once it answers."""
        return self.ready / f"{service}.json"

    def log(self, name: str) -> Path:
        """Where the standard output and error of a process go."""
        return self.logs / f"{name}.log"

    def pid_file(self, service: str) -> Path:
        """Which process is the service."""
        return self.pids / f"{service}.json"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME: settings with secrets, metadata database."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """One file per process; task logs in `tasks/`."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """One file per running service."""
        return self.root / "pids"

    @property
    def ready(self) -> Path:
        """Ready files."""
        return self.root / "ready"

    @property
    def warehouse(self) -> Path:
        """The database files of the local warehouse."""
        return self.root / "warehouse"

    @property
    def stage(self) -> Path:
        """Object storage of the local stack."""
        return self.root / "stage"

    @property
    def state(self) -> Path:
        """The operational state database."""
        return self.root / "state"

    @property
    def data_docs(self) -> Path:
        """HTML pages of the validations."""
        return self.root / "data-docs"

    @property
    def tls(self) -> Path:
        """The local certificate authority and the bundle that trusts it."""
        return self.root / "tls"

    @property
    def identity_file(self) -> Path:
        """Identity and ports of this stack; not a secret."""
        return self.root / "stack.json"

    @property
    def secrets_file(self) -> Path:
        """Generated keys and passwords; mode 0600."""
        return self.root / "secrets.json"

    @property
    def lock_file(self) -> Path:
        """Held while the stack is being started or stopped."""
        return self.root / "lock"
