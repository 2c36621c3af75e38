"""What every call passes: the token, its scopes, the rates; and what every answer carries."""

import re
from email.utils import format_datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.edge import CONTROL_PREFIX
from sandbox.hubspot.account import Account, Caller, Edits
from sandbox.hubspot.errors import HubSpotFault, RateLimited, answer_fault

LONGEST_TARGET = 8_192
_OPEN = re.compile(r"^/oauth/")
_SEARCH = re.compile(r"^/crm/v3/objects/[^/]+/search$")
_OBJECT = re.compile(r"^/crm/v[34]/(objects|properties|associations)/([^/]+)")
_READING = re.compile(r"/(search|batch/read)$")
_OTHER_SCOPES = (
    (re.compile(r"^/communication-preferences/"), "communication_preferences.read_write"),
    (re.compile(r"^/email/"), "content"),
    (re.compile(r"^/(marketing/v3/forms|form-integrations)"), "forms"),
    (re.compile(r"^/crm/v3/owners"), "crm.objects.owners.read"),
)


class Gate:
    """ASGI middleware. Leaves the Caller in `request.state.caller`; keeps what changed before the answer begins."""

    def __init__(self, app: ASGIApp, account: Account) -> None:
        self.app = app
        self.account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        extra: dict[str, str] = {}

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.account.keeper.commit()
                headers = MutableHeaders(raw=message["headers"])
                headers["Date"] = format_datetime(self.account.clock.now(), usegmt=True)
                headers.update(extra)
            await send(message)

        if scope["path"].startswith(CONTROL_PREFIX) or _OPEN.match(scope["path"]):
            await self.app(scope, receive, answered)
            return
        scope = {**scope, "path": scope["path"].rstrip("/")}
        refusal = self._admit(scope, extra)
        if refusal is None:
            await self.app(scope, receive, answered)
        else:
            await _drain(receive)
            await (await _as_response(refusal, scope))(scope, receive, answered)

    def _admit(self, scope: Scope, extra: dict[str, str]) -> HubSpotFault | RateLimited | None:
        path, is_search = scope["path"], _SEARCH.match(scope["path"]) is not None
        try:
            if len(path) + len(scope["query_string"]) > LONGEST_TARGET:
                raise HubSpotFault(414, "URI_TOO_LONG", "URI Too Long")
            token = Headers(scope=scope).get("authorization", "").removeprefix("Bearer ").strip()
            is_oauth = self.account.tokens.is_oauth(token)
            try:
                self.account.limits.call(is_oauth=is_oauth, is_search=is_search)
            finally:
                extra.update({} if is_search else self.account.limits.headers(is_oauth=is_oauth))
            self._check_scopes(scope)
        except (HubSpotFault, RateLimited) as refusal:
            return refusal
        known = self.account.credentials
        app_id = known.app_id if is_oauth else known.private_app_id
        caller = Caller(Edits("INTEGRATION", str(app_id)), is_oauth)
        scope["state"] = {**scope.get("state", {}), "caller": caller}
        return None

    def _check_scopes(self, scope: Scope) -> None:
        granted, needed = self.account.settings.scopes, needed_scope(scope["method"], scope["path"])
        if granted is None or needed is None or needed in granted:
            return
        raise HubSpotFault(
            403,
            "MISSING_SCOPES",
            "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
            "https://developers.hubspot.com/scopes.",
            errors=[{"message": "One or more of the following scopes are required.",
                     "context": {"requiredGranularScopes": [needed]}}],
        )  # fmt: skip


def needed_scope(method: str, path: str) -> str | None:
    """The scope that a call needs; None where every token may make it."""
    found = _OBJECT.match(path)
    if found is None:
        return next((name for pattern, name in _OTHER_SCOPES if pattern.match(path)), None)
    area = "schemas" if found[1] == "properties" else "objects"
    right = "read" if method == "GET" or _READING.search(path) else "write"
    return f"crm.{area}.{found[2]}.{right}"


async def _as_response(refusal: HubSpotFault | RateLimited, scope: Scope) -> Response:
    if isinstance(refusal, HubSpotFault):
        return await answer_fault(Request(scope), refusal)
    return JSONResponse(refusal.body(), status_code=429)


async def _drain(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass
