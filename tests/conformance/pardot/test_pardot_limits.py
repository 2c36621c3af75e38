"""What Account Engagement refuses in passing is waited for; what it refuses for good is said once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from crm_patterns.clients.pardot.client import PardotClient
from crm_patterns.core.changes import Action
from crm_patterns.core.errors import FixSettings, OutOfBudget
from crm_patterns.core.ports import Answer
from crm_patterns.hooks.pardot import PardotHook
from tests.conformance.pardot.pardot_world import PardotWorld, create, update


def test_a_client_never_has_more_than_four_calls_under_way(world: PardotWorld, sink: PardotClient) -> None:
    ids = world.put([{"lastName": f"Slow {n}"} for n in range(16)])
    world.control("POST", "settings", {"latency_s": 0.1})

    answers = sink.apply("prospects", Action.UPDATE, [update(each, city="Ghent") for each in ids])

    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert 2 <= world.control("GET", "limits")["most_under_way"] <= 4
    assert not world.waited


def test_too_many_at_once_are_refused_and_wait_a_moment(world: PardotWorld) -> None:
    ids = world.put([{"lastName": f"Crowd {n}"} for n in range(4)])
    crowd = world.client()
    crowd.describe_target("prospects")
    world.control("POST", "settings", {"latency_s": 0.4})
    world.control("POST", "limits", {"at_once": 1})

    answers = crowd.apply("prospects", Action.UPDATE, [update(each, city="Ghent") for each in ids])
    crowd.close()

    refused = [call for call in world.calls("prospects/") if call["status"] == 400]
    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert refused
    assert len(world.waited) == len(refused)
    assert all(1.0 <= wait <= 5.0 for wait in world.waited)


@pytest.mark.parametrize("preset", ["concurrent_limit", "concurrent_limit_429", "bad_gateway"])
def test_what_passes_is_asked_again(preset: str, world: PardotWorld, sink: PardotClient) -> None:
    world.fault(preset=preset, count=2, path="prospects")

    found = sink.find("prospects", "email", ["nobody@limits.example"], fields=["email"])

    assert not found
    assert len(world.calls("objects/prospects")) == 3
    assert len(world.waited) == 2


def test_a_spent_day_is_told_at_once_and_when_it_ends(world: PardotWorld) -> None:
    client = world.client(time_zone="America/New_York")
    now = client.now()
    world.control("POST", "limits", {"remaining_today": 0})

    with pytest.raises(OutOfBudget, match="calls of today are spent") as told:
        client.describe_target("prospects")
    client.close()

    assert told.value.until is not None
    assert timedelta(0) < told.value.until - now <= timedelta(hours=25)
    assert told.value.until.hour in (4, 5)  # midnight in New York
    assert not world.waited


def test_the_day_is_that_of_the_stamps_where_no_zone_is_given(world: PardotWorld, sink: PardotClient) -> None:
    [one] = world.put([{"lastName": "Stamped"}])
    sink.find("prospects", "lastName", ["Stamped"], fields=["lastName"])
    world.control("POST", "limits", {"remaining_today": 0})

    with pytest.raises(OutOfBudget) as told:
        sink.read_records("prospects", ["lastName"], [one])

    assert told.value.until is not None
    assert told.value.until.hour in (4, 5)


def test_a_day_that_ends_in_a_batch_loses_no_outcome(world: PardotWorld, sink: PardotClient) -> None:
    ids = world.put([{"lastName": f"Spent {n}"} for n in range(20)])
    sink.describe_target("prospects")
    world.control("POST", "limits", {"remaining_today": 6})
    plan = [update(each, city="Done") for each in ids]

    answers = {a.change_id: a.answer for a in sink.apply("prospects", Action.UPDATE, plan)}
    with pytest.raises(OutOfBudget):
        sink.apply("prospects", Action.UPDATE, plan)

    written = [each for each in ids if world.held(each).get("city") == "Done"]
    assert [each for each, c in zip(ids, plan, strict=True) if answers[c.change_id] is Answer.ACCEPTED] == written
    assert len(written) == 6
    assert list(answers.values()).count(Answer.LATER) == 14


def test_usage_is_what_the_answers_say(world: PardotWorld, sink: PardotClient) -> None:
    world.control("POST", "limits", {"daily": 25_000, "remaining_today": 1_000})

    sink.describe_target("prospects")

    usage = sink.usage()
    assert (usage.calls_made, usage.used, usage.allowed) == (1, 24_001, 25_000)


def test_an_expired_token_is_fetched_anew_once_by_all_threads(world: PardotWorld, sink: PardotClient) -> None:
    ids = world.put([{"lastName": "Expired"}, {"lastName": "Expired"}])
    sink.describe_target("prospects")
    world.org.control("DELETE", "requests")
    world.org.control("POST", "expire_tokens")

    found = sink.find("prospects", "email", ["a@x.example", "b@x.example", "c@x.example"], fields=["email"])
    [answer, _] = sink.apply("prospects", Action.UPDATE, [update(each, city="Oslo") for each in ids])

    assert not found
    assert answer.answer is Answer.ACCEPTED
    signed_in = world.org.control("GET", "requests?path=oauth2/token")["requests"]
    assert len(signed_in) == 1


def test_what_is_not_let_in_is_a_setting_to_fix(world: PardotWorld) -> None:
    other_unit = world.client(business_unit_id="0UvABCDEF123456AAA")
    world.control("POST", "settings", {"needed_scope": "another_scope"})
    no_scope = world.client()

    for client in (other_unit, no_scope):
        with pytest.raises(FixSettings, match="scope pardot_api"):
            client.describe_target("prospects")
        client.close()
    with pytest.raises(FixSettings, match="0Uv"):
        world.client(business_unit_id="nonsense")
    with pytest.raises(FixSettings, match="time zone"):
        world.client(time_zone="Mars/Olympus")


def test_reads_may_be_a_minute_old_and_the_sink_says_so(world: PardotWorld, sink: PardotClient) -> None:
    world.control("POST", "settings", {"cache_s": 60})
    assert not sink.find("prospects", "email", ["fresh@limits.example"], fields=["email"])
    sink.apply("prospects", Action.CREATE, [create("k", email="fresh@limits.example")])

    soon = sink.find("prospects", "email", ["fresh@limits.example"], fields=["email"])
    world.wait(sink.lookup_lag_s)
    later = sink.find("prospects", "email", ["fresh@limits.example"], fields=["email"])

    assert not soon
    assert "fresh@limits.example" in later


def connection(monkeypatch: pytest.MonkeyPatch, world: PardotWorld, *, login: str = "", **extra: object) -> PardotHook:
    known = world.org.credentials
    extras = {name: known[name] for name in ("login_url", "consumer_key", "consumer_secret")} | extra
    fields = {"conn_type": "pardot", "host": world.url, "login": login, "extra": extras}
    monkeypatch.setenv("AIRFLOW_CONN_PARDOT_DEFAULT", json.dumps(fields))
    return PardotHook()


def test_the_test_button_says_which_unit_answers_and_what_to_fix(
    world: PardotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = world.org.credentials
    works = connection(monkeypatch, world, business_unit_id=world.unit).test_connection()
    by_key = connection(
        monkeypatch, world, business_unit_id=world.unit, consumer_secret="", sign_in="jwt",
        private_key_file_path=known["private_key_file_path"], login=known["username"],
    ).test_connection()  # fmt: skip
    without_unit = connection(monkeypatch, world).test_connection()
    wrong = connection(monkeypatch, world, business_unit_id=world.unit, consumer_secret="wrong").test_connection()

    assert works[0]
    assert f"Business unit {world.unit} of Account Engagement answers" in works[1]
    assert by_key[0], by_key[1]
    assert without_unit[0] is False
    assert "business unit id is missing" in without_unit[1]
    assert wrong[0] is False
    assert "consumer_secret" in wrong[1]
    assert "wrong" not in wrong[1]


# --- the stand-in, where the client never goes -----------------------------------------------------------------------


def test_the_stand_in_refuses_what_the_api_refuses(world: PardotWorld) -> None:
    world.put([{"lastName": f"Chain {n}"} for n in range(3)])
    with world.raw() as http:
        first = http.get("objects/prospects", params={"fields": "id", "limit": "1"}).json()
        token = {"nextPageToken": first["nextPageToken"], "fields": "id"}
        refused = {
            "no fields": http.get("objects/prospects"),
            "unknown field": http.get("objects/prospects", params={"fields": "id,nonsense"}),
            "token and more": http.get("objects/prospects", params={**token, "limit": "1"}),
            "too large a page": http.get("objects/prospects", params={"fields": "id", "limit": "1001"}),
            "no offset": http.get(
                "objects/prospects", params={"fields": "id", "updatedAtAfter": "2026-01-01T00:00:00"}
            ),
            "connected campaign": http.post("objects/campaigns", json={"name": "X"}),
            "connector": http.post("objects/prospect-accounts", json={"name": "X"}),
        }
        no_unit = http.get("objects/prospects", headers={"Pardot-Business-Unit-Id": ""})
        second = http.get("objects/prospects", params=token)
        world.wait(4 * 3600 + 1)
        too_late = http.get("objects/prospects", params=token)

    codes = {name: (answer.status_code, answer.json()["code"]) for name, answer in refused.items()}
    assert codes == dict.fromkeys(list(refused)[:5], (400, 71)) | {
        "connected campaign": (400, 128), "connector": (400, 37)
    }  # fmt: skip
    assert no_unit.status_code == 400
    assert len(second.json()["values"]) == 1
    assert too_late.status_code == 400


def test_stamps_are_told_in_the_zone_of_the_user_and_a_chain_ends_with_a_warning(world: PardotWorld) -> None:
    at = world.now().replace(year=2018, month=1, day=15, hour=12, minute=0, second=0, microsecond=0)
    world.put([{"lastName": f"Capped {n}"} for n in range(5)], at=at)
    world.control("POST", "settings", {"chain_cap": 3})
    asked = {"fields": "updatedAt", "limit": "2", "updatedAtBeforeOrEqualTo": at.isoformat()}
    with world.raw() as http:
        first = http.get("objects/prospects", params=asked)
        token = {"fields": "updatedAt", "nextPageToken": first.json()["nextPageToken"]}
        last = http.get("objects/prospects", params=token)

    assert first.json()["values"][0] == {"updatedAt": "2018-01-15T07:00:00-05:00"}
    assert (len(last.json()["values"]), last.json()["nextPageToken"]) == (1, None)
    assert last.headers["Pardot-Warning"].startswith("203")


def test_an_import_blanks_by_default_and_an_export_tells_where_its_files_are(world: PardotWorld) -> None:
    [kept] = world.put([{"email": "import@bulk.example", "city": "Ulm", "company": "Old"}])
    rows = "matchEmail,city,company\nimport@bulk.example,,New\nnew@import.example,Graz,\nbad,Wien,\n"
    options = json.dumps({"operation": "Upsert", "object": "Prospect", "createOnNoMatch": True})
    span = {"name": "filter_by_updated_at", "arguments": {"updated_after": world.now().isoformat(timespec="seconds")}}
    with world.raw() as http:
        job = http.post("imports", files={"input": (None, options), "file": ("rows.csv", rows)}).json()
        http.patch(f"imports/{job['id']}", json={"status": "Ready"})
        export = http.post(
            "exports", json={"object": "prospect", "fields": ["email", "city"], "procedure": span}
        ).json()
        world.wait(3)
        done = http.get(f"imports/{job['id']}").json()
        errors = http.get(f"imports/{job['id']}/errors").text
        ready = http.get(f"exports/{export['id']}").json()
        text = "".join(http.get(each).text for each in ready["resultRefs"])

    assert (done["state"], done["createdCount"], done["updatedCount"], done["errorCount"]) == ("Complete", 1, 1, 1)
    assert "bad" in errors
    assert (world.held(kept).get("city"), world.held(kept)["company"]) == (None, "New")
    assert (export["state"], ready["state"]) == ("Waiting", "Complete")
    assert text.startswith("email") == bool(ready["resultRefs"])


def test_life_goes_on_and_calls_at_once_stay_counted(world: PardotWorld) -> None:
    done = world.control("POST", "tick", {"count": 40})

    assert sum(done.values()) == 40
    with ThreadPoolExecutor(2) as pool, world.raw() as http:
        answers = list(pool.map(lambda _: http.get("objects/account", params={"fields": "company,level"}), range(4)))
    assert {answer.status_code for answer in answers} == {200}


def test_the_same_number_gives_the_same_people_of_the_org(world: PardotWorld) -> None:
    people = [each for each in world.records() if each["id"] < 1200 and each.get("salesforceId")]
    with world.org.client() as org:
        asked = {"q": "SELECT Id, Email FROM Contact WHERE Email != null ORDER BY Id LIMIT 30"}
        rows = org.get("/services/data/v62.0/query", params=asked).json()["records"]
    contacts = {each["Id"]: each["Email"] for each in rows}

    met = {each["salesforceContactId"]: each["email"] for each in people if each.get("salesforceContactId")}
    assert met == contacts
    assert len(met) > 10
