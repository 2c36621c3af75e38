"""The HTTP face of the Slack stand-in.

Webhooks answer plain text with a status; the Web API answers 200 with `ok: false`, except for 429.
"""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.control import ControlError, control_error, edge_routes, read_model
from sandbox.edge import CONTROL_PREFIX, Edge
from sandbox.faults import FaultBoard
from sandbox.journal import Journal
from sandbox.slack.block_kit import ATTACHMENTS, problems
from sandbox.slack.workspace import SlackSettings, Workspace

WEBHOOK_STATUS = {
    "invalid_payload": 400,
    "no_text": 400,
    "invalid_blocks": 400,
    "too_many_attachments": 400,
    "user_not_found": 400,
    "action_prohibited": 403,
    "posting_to_general_channel_denied": 403,
    "invalid_token": 403,
    "channel_not_found": 404,
    "no_active_hooks": 404,
    "no_service": 404,
    "no_team": 404,
    "team_disabled": 403,
    "channel_is_archived": 410,
    "rollup_error": 500,
}


def create_app(data: Path) -> ASGIApp:
    """The stand-in with its messages in `data`."""
    workspace, faults, journal = Workspace(data), FaultBoard(), Journal()
    app = Starlette(
        routes=[*_webhook(workspace), *_web_api(workspace), *_control(workspace), *edge_routes(faults, journal)],
        exception_handlers={ControlError: control_error},
    )
    return Edge(app, faults=faults, journal=journal)


def _webhook(workspace: Workspace) -> list[Route]:
    async def post(request: Request) -> Response:
        path = request.url.path
        payload = await _payload(request, fields=False)
        refusal = workspace.settings.answers.get(path) or _refusal(payload)
        if refusal:
            return PlainTextResponse(refusal, status_code=WEBHOOK_STATUS.get(refusal, 400))
        if wait_s := workspace.wait_s(path):
            return PlainTextResponse("rate_limited", status_code=429, headers={"Retry-After": str(wait_s)})
        workspace.post(destination=path, payload=payload or {})
        return PlainTextResponse("ok")

    return [Route("/services/{team}/{hook}/{token}", post, methods=["POST"])]


def _web_api(workspace: Workspace) -> list[Route]:
    async def post_message(request: Request) -> Response:
        payload = await _payload(request)
        error = _token_error(request, payload) or _message_error(workspace, payload)
        if error:
            extra = {"response_metadata": {"messages": problems(payload or {})}} if error == "invalid_blocks" else {}
            return JSONResponse({"ok": False, "error": error, **extra})
        channel = str((payload or {})["channel"])
        if wait_s := workspace.wait_s(channel):
            body = {"ok": False, "error": "ratelimited"}
            return JSONResponse(body, status_code=429, headers={"Retry-After": str(wait_s)})
        kept = {key: value for key, value in (payload or {}).items() if key != "token"}
        message = workspace.post(destination=channel, payload=kept)
        return JSONResponse({"ok": True, "channel": channel, "ts": message["ts"], "message": kept})

    async def auth_test(request: Request) -> Response:
        error = _token_error(request, await _payload(request))
        if error:
            return JSONResponse({"ok": False, "error": error})
        names = {"team": "Sandbox", "user": "crm-patterns", "team_id": "T0SANDBOX", "user_id": "U0SANDBOX"}
        return JSONResponse({"ok": True, "url": str(request.base_url), **names})

    return [
        Route("/api/chat.postMessage", post_message, methods=["POST"]),
        Route("/api/auth.test", auth_test, methods=["GET", "POST"]),
    ]


def _control(workspace: Workspace) -> list[Route]:
    async def messages(_request: Request) -> Response:
        return JSONResponse({"messages": workspace.messages()})

    async def clear(_request: Request) -> Response:
        workspace.clear()
        return Response(status_code=204)

    async def settings(request: Request) -> Response:
        workspace.settings = await read_model(request, SlackSettings)
        return JSONResponse(workspace.settings.model_dump())

    return [
        Route(f"{CONTROL_PREFIX}/messages", messages, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}/messages", clear, methods=["DELETE"]),
        Route(f"{CONTROL_PREFIX}/settings", settings, methods=["POST"]),
    ]


async def _payload(request: Request, *, fields: bool = True) -> dict[str, Any] | None:
    """The message, sent as JSON, as JSON in the form field `payload`, or (`fields`) as form fields; else None."""
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = {key: str(value) for key, value in (await request.form()).items()}
            if "payload" in form:
                return _object(form["payload"])
            if not fields:
                return None
            return form | {key: json.loads(form[key]) for key in ("blocks", "attachments") if key in form}
        return _object(await request.body())
    except ValueError:
        return None


def _object(text: str | bytes) -> dict[str, Any] | None:
    parsed = json.loads(text)
    return parsed if isinstance(parsed, dict) else None


def _refusal(payload: dict[str, Any] | None) -> str | None:
    if payload is None:
        return "invalid_payload"
    if not any(payload.get(key) for key in ("text", "blocks", "attachments")):
        return "no_text"
    if len(payload.get("attachments") or []) > ATTACHMENTS:
        return "too_many_attachments"
    return "invalid_blocks" if problems(payload) else None


def _message_error(workspace: Workspace, payload: dict[str, Any] | None) -> str | None:
    if payload is None:
        return "invalid_json"
    if not payload.get("channel"):
        return "channel_not_found"
    if payload.get("thread_ts") and not workspace.has(str(payload["thread_ts"])):
        return "thread_not_found"
    return workspace.settings.answers.get(str(payload["channel"])) or _refusal(payload)


def _token_error(request: Request, payload: dict[str, Any] | None) -> str | None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ") or str((payload or {}).get("token", ""))
    if not token:
        return "not_authed"
    return None if token.startswith("xoxb-") else "invalid_auth"
