"""What stands between a client and fakesnow: the password, privileges, turns for writers, errors a client can read."""

import gzip
import hmac
import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stack.warehouse_privileges import Privileges, Refused, Session
from stack.warehouse_turns import Turns

LOGIN = "/session/v1/login-request"
QUERY = "/queries/v1/query-request"
SESSION = "/session"
COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
DONE = "select 'Statement executed successfully.' as \"status\""
ONE_AT_A_TIME = {"merge", "update", "delete", "create", "alter", "drop", "truncate"}

log = logging.getLogger("uvicorn.error")
_causes: ContextVar[list[BaseException] | None] = ContextVar("causes of the failure of a statement", default=None)


class WarehouseDoor:
    """ASGI middleware around the fakesnow server, for four things it does not do like Snowflake.

    - fakesnow lets everyone in. Here user and password must be among `users`; a refusal is Snowflake's own (390100).
    - fakesnow lets every role do everything and forgets which one signed in. Here GRANT and REVOKE take effect (see
      `Privileges`), and the client is told its role: the one it asked for, else PUBLIC.
    - Snowflake lets statements that change the same rows wait for one another. Here MERGE, UPDATE, DELETE and DDL of
      all sessions take turns (see `Turns`).
    - fakesnow answers what it does not support with HTTP 500, which the connector takes for an outage and repeats for
      minutes. Here it becomes a failed statement (261000) at once.
    """

    def __init__(self, app: ASGIApp, *, users: Mapping[str, str], turns: Turns, privileges: Privileges) -> None:
        self.app = app
        self.users = {name.upper(): password for name, password in users.items()}
        self.turns = turns
        self.privileges = privileges
        self.roles: dict[str, str] = {}
        logging.getLogger("fakesnow.server").addFilter(_remember_cause)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path")
        if scope["type"] != "http" or path not in (LOGIN, QUERY, SESSION):
            await self.app(scope, receive, send)
            return
        token = _token(scope)
        if path == SESSION:
            await self.app(scope, receive, send)
            await self.turns.statement_ended(token)
            if b"delete=true" in scope["query_string"]:
                self.roles.pop(token, None)
            return
        body = await _whole_body(receive)
        compressed = (b"content-encoding", b"gzip") in scope["headers"]
        asked: dict[str, Any] = json.loads(gzip.decompress(body) if compressed else body)
        if path == QUERY:
            await self._if_allowed(asked, body, token, scope, receive, send)
        elif self._is_known(asked["data"]):
            await self._sign_in(scope, _replay(body, receive), send)
        else:
            await _refuse("390100", "Incorrect username or password was specified.")(scope, receive, send)

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let fakesnow open the session, and add its role, which it leaves out."""
        role = parse_qs(scope["query_string"].decode()).get("roleName", ["PUBLIC"])[0]
        role = role[1:-1] if role.startswith('"') else role.upper()
        answer = bytearray()

        async def kept(message: Message) -> None:
            answer.extend(message.get("body", b""))

        await self.app(scope, receive, kept)
        reply = json.loads(answer)
        if reply.get("success"):
            self.roles[reply["data"]["token"]] = reply["data"]["sessionInfo"]["roleName"] = role
        await JSONResponse(reply)(scope, receive, send)

    async def _if_allowed(
        self, asked: Mapping[str, Any], body: bytes, token: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        statement, opened = str(asked.get("sqlText", "")), self.turns.sessions.get(token)
        try:
            if opened is not None:
                session = Session(self.roles.get(token, "PUBLIC"), opened.database or "", opened.schema or "")
                if first_word(statement) in ("grant", "revoke"):
                    self.privileges.change(statement, session)
                    body = gzip.compress(json.dumps({**asked, "sqlText": DONE}).encode())
                    scope = {**scope, "headers": [*scope["headers"], (b"content-encoding", b"gzip")]}
                else:
                    self.privileges.check(statement, session)
        except Refused as refused:
            await _refuse(refused.code, refused.message, state=refused.state)(scope, receive, send)
            return
        await self._in_turn(statement, token, scope, _replay(body, receive), send)

    async def _in_turn(self, statement: str, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        verb = first_word(statement)
        if verb in ONE_AT_A_TIME:
            await self.turns.take(token)
        try:
            await self._execute(scope, receive, send)
        finally:
            self.turns.note(token, verb)
            await self.turns.statement_ended(token)

    def _is_known(self, login: Mapping[str, Any]) -> bool:
        expected = self.users.get(str(login.get("LOGIN_NAME", "")).upper(), "")
        given = str(login.get("PASSWORD") or "")
        return bool(expected) and hmac.compare_digest(expected.encode(), given.encode())

    async def _execute(self, scope: Scope, receive: Receive, send: Send) -> None:
        failed = False

        async def passed_on(message: Message) -> None:
            nonlocal failed
            failed = failed or (message["type"] == "http.response.start" and message["status"] == 500)
            if not failed:
                await send(message)

        causes: list[BaseException] = []
        _causes.set(causes)
        try:
            await self.app(scope, receive, passed_on)
        except Exception as unsupported:  # the outermost edge: the client is told, the log has all of it
            log.exception("fakesnow could not answer a statement")
            causes.append(unsupported)
        if failed or causes:
            why = "; ".join(f"{type(cause).__name__}: {cause}" for cause in causes) or "fakesnow gave no reason"
            await _refuse("261000", f"The local warehouse cannot run this statement: {why}")(scope, receive, send)


def _remember_cause(record: logging.LogRecord) -> bool:
    """fakesnow tells its log, but not its client, why a statement failed."""
    causes = _causes.get()
    if causes is not None and record.exc_info and record.exc_info[1]:
        causes.append(record.exc_info[1])
    return True


def first_word(statement: str) -> str:
    """The statement's verb in lower case, comments before it left out."""
    found = re.match(r"\w+", COMMENTS.sub("", statement))
    return found[0].lower() if found else ""


def _token(scope: Scope) -> str:
    """The session's token, as fakesnow cuts it from `Snowflake Token="…"`; empty before the login."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"authorization", b"").decode()[17:-1]


def _refuse(code: str, message: str, *, state: str = "0A000") -> JSONResponse:
    data = {"errorCode": code, "sqlState": state}
    return JSONResponse({"data": data, "code": code, "message": message, "success": False})


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed
