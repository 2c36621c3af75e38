"""`/communication-preferences/…`: who may be written to. The writeable place behind `hs_email_optout`."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import iso
from sandbox.hubspot.errors import malformed
from sandbox.hubspot.requests import read_object

if TYPE_CHECKING:
    from sandbox.hubspot.account import Account, Edits

SUBSCRIPTIONS = {
    "901": ("Marketing Information", "Marketing offers and updates."),
    "902": ("Newsletter", "The monthly letter."),
    "903": ("Customer Service Communication", "Feedback requests and customer service information."),
}


class Consent:
    """Subscriptions by e-mail address: SUBSCRIBED, UNSUBSCRIBED, or nothing said. An opt-out from all is kept apart."""

    def __init__(self, account: "Account") -> None:
        self._account = account
        self._said: dict[str, dict[str, str]] = dict(account.keeper.all("consent"))

    def status(self, email: str, subscription_id: str) -> str:
        said = self._said.get(email.lower(), {})
        if said.get("all") == "UNSUBSCRIBED":
            return "UNSUBSCRIBED"
        return said.get(subscription_id, "NOT_SPECIFIED")

    def say(self, email: str, subscription_id: str, status: str, edits: "Edits") -> None:
        """Keep what was said, and show an opt-out from all on the contact."""
        email = email.lower()
        said = {**self._said.get(email, {}), subscription_id: status}
        self._said[email] = said
        self._account.keeper.put("consent", email, said)
        contacts = self._account.of("contacts")
        record = contacts.resolve(email, "email")
        if record is None:
            return
        out = said.get("all") == "UNSUBSCRIBED" or all(said.get(each) == "UNSUBSCRIBED" for each in SUBSCRIPTIONS)
        now = self._account.clock.now_ms()
        values = {"hs_email_optout": "true" if out else None}
        changed = record.changed(values, at_ms=now, source=edits.source, source_id=edits.source_id)
        if changed is not record:
            self._account.put(contacts, changed)
            facts = {"propertyName": "hs_email_optout", "propertyValue": str(out).lower()}
            self._account.webhooks.tell(
                "contact.propertyChange", record.id, source=edits.source, source_id=edits.source_id, facts=facts
            )


class _Preferences:
    def __init__(self, account: "Account") -> None:
        self.account = account

    async def definitions(self, _request: Request) -> Response:
        listed = [
            {"id": each, "name": name, "description": text, "purpose": "Marketing", "communicationMethod": "Email",
             "isActive": True, "isDefault": each == "901", "isInternal": False}
            for each, (name, text) in SUBSCRIPTIONS.items()
        ]  # fmt: skip
        return JSONResponse({"subscriptionDefinitions": listed})

    async def status(self, request: Request) -> Response:
        email, listed = request.path_params["email"], []
        for each, (name, text) in SUBSCRIPTIONS.items():
            said = self.account.consent.status(email, each)
            status = "SUBSCRIBED" if said == "SUBSCRIBED" else "NOT_SUBSCRIBED"
            listed.append({"id": each, "name": name, "description": text, "sourceOfStatus": "SUBSCRIPTION_STATUS",
                           "status": status, "legalBasis": None, "legalBasisExplanation": ""})  # fmt: skip
        return JSONResponse({"recipient": email, "subscriptionStatuses": listed})

    async def subscribe(self, request: Request) -> Response:
        email, subscription_id = await _checked(request)
        if self.account.consent.status(email, subscription_id) == "UNSUBSCRIBED":
            raise malformed(f"Subscription {subscription_id} cannot be updated because {email} is unsubscribed from it")
        return self._say(request, email, subscription_id, "SUBSCRIBED")

    async def unsubscribe(self, request: Request) -> Response:
        email, subscription_id = await _checked(request)
        return self._say(request, email, subscription_id, "UNSUBSCRIBED")

    async def unsubscribe_all(self, request: Request) -> Response:
        if request.query_params.get("channel") != "EMAIL":
            raise malformed("channel must be EMAIL")
        return self._say(request, request.path_params["email"], "all", "UNSUBSCRIBED")

    def _say(self, request: Request, email: str, subscription_id: str, status: str) -> Response:
        self.account.consent.say(email, subscription_id, status, request.state.caller.edits)
        stamp = iso(self.account.clock.now_ms())
        told = {"id": subscription_id, "status": status, "sourceOfStatus": "SUBSCRIPTION_STATUS", "timestamp": stamp}
        return JSONResponse({"recipient": email, **told})


def routes(account: "Account") -> list[Route]:
    """Definitions, status, subscribe, unsubscribe, and the opt-out from all of the fourth version."""
    calls = _Preferences(account)
    v3, v4 = "/communication-preferences/v3", "/communication-preferences/v4"
    return [
        Route(f"{v3}/definitions", calls.definitions, methods=["GET"]),
        Route(f"{v3}/status/email/{{email}}", calls.status, methods=["GET"]),
        Route(f"{v3}/subscribe", calls.subscribe, methods=["POST"]),
        Route(f"{v3}/unsubscribe", calls.unsubscribe, methods=["POST"]),
        Route(f"{v4}/statuses/{{email}}/unsubscribe-all", calls.unsubscribe_all, methods=["POST"]),
    ]


async def _checked(request: Request) -> tuple[str, str]:
    body = await read_object(request)
    email, subscription_id = str(body.get("emailAddress", "")), str(body.get("subscriptionId", ""))
    if "@" not in email or subscription_id not in SUBSCRIPTIONS:
        raise malformed("emailAddress and a known subscriptionId are required")
    return email, subscription_id
