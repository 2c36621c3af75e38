"""The environment of the stack's processes, and of a shell that wants to talk to them."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.connections import EXPORTED_VARIABLE, exported_mark, overridable
from stack.files import write_atomically
from stack.home import HOME_VARIABLE, REPOSITORY, StackHome
from stack.installation import API_SERVER, Installation
from stack.members import SERVICE_MARK, STACK_MARK
from stack.ports import LOOPBACK
from stack.secrets_store import StackSecrets

PRELOAD_VARIABLE = "CRM_PATTERNS_PRELOAD"
# Heavy libraries are imported once in the scheduler, from which the LocalExecutor forks its workers.
PRELOAD = "true"
# Would make the processes read other code, or write none of its bytecode.
NOT_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", STACK_MARK, SERVICE_MARK)
ADMIN = "admin"
# A task whose end its supervisor just misses holds its slot until the next heartbeat: every third or so, for 5 seconds.
SHORTEST_HEARTBEAT_S = "1"
# A backfill of a hundred runs is created in one transaction; a scheduler that cannot write meanwhile would end.
LOCK_TIMEOUT_S = 180


def airflow_settings(installation: Installation) -> dict[str, str]:
    """Every Airflow setting of the stack that is not a secret; the secrets are in airflow.cfg (mode 0600)."""
    home = installation.home
    url = installation.url(API_SERVER)
    parallelism = max(4, min(6, 2 * (os.cpu_count() or 2)))
    return {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW_CONFIG": str(home.airflow / "airflow.cfg"),
        "AIRFLOW__CORE__DAGS_FOLDER": os.environ.get("CRM_STACK_DAGS_FOLDER") or str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.airflow / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.airflow / 'airflow.db'}?timeout={LOCK_TIMEOUT_S}",
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(installation.ports[API_SERVER]),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs / "tasks"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": SHORTEST_HEARTBEAT_S,
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    }


def write_airflow_secrets(home: StackHome, secrets: StackSecrets) -> None:
    """Keep Airflow's own secrets in files only their owner can read, not in the environment of every process."""
    write_atomically(
        home.airflow / "airflow.cfg",
        f"[core]\nfernet_key = {secrets.fernet_key}\n\n"
        f"[api]\nsecret_key = {secrets.api_secret_key}\n\n"
        f"[api_auth]\njwt_secret = {secrets.jwt_secret}\n",
        mode=0o600,
    )
    write_atomically(home.airflow / "passwords.json", f'{{"{ADMIN}": "{secrets.admin_password}"}}\n', mode=0o600)


def exports(installation: Installation, caller: Mapping[str, str]) -> dict[str, str]:
    """What a shell needs to use `airflow` against the running stack."""
    bundle = str(installation.home.tls / "bundle.pem")
    values = overridable(installation, caller)
    return {
        "PATH": _path_with_environment(caller.get("PATH", os.defpath)),
        **airflow_settings(installation),
        **values,
        EXPORTED_VARIABLE: exported_mark(values, caller),
        HOME_VARIABLE: str(installation.home.root),
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "NO_PROXY": _with_loopback(caller.get("NO_PROXY") or caller.get("no_proxy", "")),
        "no_proxy": _with_loopback(caller.get("NO_PROXY") or caller.get("no_proxy", "")),
        "SNOWFLAKE_HOME": str(installation.home.root / "snowflake"),
        "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
        "GX_ANALYTICS_ENABLED": "False",
    }


def shell_lines(values: Mapping[str, str]) -> list[str]:
    """`export` lines for a POSIX shell, safe for any value."""
    return [f"export {name}={shlex.quote(value)}" for name, value in values.items()]


def process_environment(installation: Installation, caller: Mapping[str, str], *, service: str) -> dict[str, str]:
    """The one environment of all the processes; the scheduler also imports heavy libraries early, and the API server
    finds our connection types.

    A caller's AIRFLOW settings stay outside, except connections and variables.
    """
    kept = {
        name: value
        for name, value in caller.items()
        if name not in NOT_PASSED_ON and not name.startswith("AIRFLOW__") and name != EXPORTED_VARIABLE
    }
    own = {name: value for name, value in exports(installation, caller).items() if name != EXPORTED_VARIABLE}
    preload = {PRELOAD_VARIABLE: caller.get(PRELOAD_VARIABLE, PRELOAD)} if service == "airflow-scheduler" else {}
    kept.pop(PRELOAD_VARIABLE, None)
    # Airflow lists the connection types of its form before it puts the plugins on the path; see docs/hubspot.md.
    form = {"PYTHONPATH": str(REPOSITORY / "plugins")} if service == API_SERVER else {}
    return {
        **kept,
        **own,
        **preload,
        **form,
        STACK_MARK: installation.stack_id,
        SERVICE_MARK: service,
        "SPT_NOENV": "1",  # process titles must not overwrite the marks above
        "PYTHONUNBUFFERED": "1",
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: workers are forked
    }


def _path_with_environment(path: str) -> str:
    scripts = str(Path(sys.executable).parent)
    return os.pathsep.join([scripts, *(part for part in path.split(os.pathsep) if part != scripts)])


def _with_loopback(no_proxy: str) -> str:
    names = [name.strip() for name in no_proxy.split(",") if name.strip()]
    return ",".join([*names, *(name for name in (LOOPBACK, "localhost") if name not in names)])
