"""The stand-in as a process: its command line, its restarts, and how it lives on."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.sandbox_process import ROOT, SandboxProcess


def count(process: SandboxProcess, soql: str, resource: str = "query") -> int:
    with process.client() as client:
        answer = client.get(f"/services/data/v62.0/{resource}", params={"q": soql})
    return int(answer.raise_for_status().json()["totalSize"])


def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_data_and_credentials_outlive_a_restart(tmp_path: Path) -> None:
    with SandboxProcess(size=40, data=tmp_path) as first:
        with first.client() as client:
            lead = {"LastName": "Zweig", "Company": "Zweig & Töchter"}
            made = client.post("/services/data/v62.0/sobjects/Lead", json=lead).json()["id"]
        before, known = count(first, "SELECT COUNT() FROM Lead"), first.credentials
        started = time.monotonic()
        status = first.stop()
        took = time.monotonic() - started
    with SandboxProcess(size=99, data=tmp_path) as second:
        after, still = count(second, "SELECT COUNT() FROM Lead"), second.credentials
        found = count(second, f"SELECT COUNT() FROM Lead WHERE Id = '{made}' AND Company = 'Zweig & Töchter'")

    assert (before, found) == (after, 1)
    assert {**known, "login_url": ""} == {**still, "login_url": ""}
    assert still["login_url"] == second.url
    assert took < 5
    assert status in (0, -15)


def test_a_tick_from_the_command_line_moves_the_org(tmp_path: Path) -> None:
    with SandboxProcess(size=120, data=tmp_path) as process:
        moments = "SELECT COUNT() FROM OpportunityHistory", "SELECT COUNT() FROM OpportunityFieldHistory"
        before = [count(process, soql) for soql in moments]
        truth = process.control("GET", "truth")

        said = sandbox("tick", "--url", process.url, "--count", "80")
        after = [count(process, soql) for soql in moments]
        changed = count(process, "SELECT COUNT() FROM Opportunity WHERE SystemModstamp = TODAY")

        assert said.returncode == 0, said.stderr
        assert after[0] > before[0]
        assert after[1] > before[1]
        assert changed > 0
        assert process.control("GET", "truth") != truth


def test_ticks_delete_merge_and_restore_without_breaking_anything(tmp_path: Path) -> None:
    with SandboxProcess(size=120, data=tmp_path) as process:
        told = process.control("POST", "tick", {"count": 400})

        assert all(told[kind] > 0 for kind in ("created", "edited", "stage_moved", "closed", "deleted", "merged"))
        assert told["refused"] < 20
        orphans = "SELECT COUNT() FROM Opportunity WHERE Account.IsDeleted = true"
        assert count(process, orphans) == 0


def test_signing_in_may_have_a_port_of_its_own(tmp_path: Path) -> None:
    with SandboxProcess(size=5, data=tmp_path, options=("--login-port", "0")) as process:
        known = process.credentials
        form = {"grant_type": "client_credentials"}
        pair = (known["consumer_key"], known["consumer_secret"])
        reply = httpx.post(f"{known['login_url']}/services/oauth2/token", data=form, auth=pair).json()

        assert known["login_url"] != process.url
        assert reply["instance_url"] == process.url


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        with pytest.raises(RuntimeError, match=f"cannot listen on 127.0.0.1 port {port}"):
            SandboxProcess(size=5, port=port)


def test_an_unknown_object_is_named(tmp_path: Path) -> None:
    said = sandbox("salesforce", "--data", str(tmp_path), "--only", "Opportunities")

    assert said.returncode == 2
    assert "Opportunities is not one of" in said.stderr


def test_a_tick_without_a_stand_in_says_so() -> None:
    said = sandbox("tick", "--url", "http://127.0.0.1:9")

    assert said.returncode == 2
    assert "no stand-in answers" in said.stderr
