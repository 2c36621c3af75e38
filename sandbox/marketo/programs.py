"""Programs, their channels' statuses, and who is a member with which."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.keeping import Keeper
from sandbox.marketo import activities as kinds
from sandbox.marketo.activities import Activities
from sandbox.marketo.errors import MarketoFault, Reason, answer
from sandbox.marketo.schema import second

CHANNELS: dict[str, tuple[tuple[str, int, bool], ...]] = {
    "Webinar": (("Invited", 10, False), ("Registered", 20, False), ("No Show", 30, False), ("Attended", 40, True)),
    "Email Send": (("Member", 10, False), ("Sent", 20, False), ("Opened", 30, False), ("Clicked", 40, True)),
    "Web Content": (("Not in Program", 0, False), ("Filled-out Form", 20, True)),
}
"""(status, step, success); a member moves to a higher step only."""

PROGRAMS = {1001: ("Spring Webinar 2026", "Webinar"), 1002: ("Product Newsletter", "Email Send"),
            1003: ("Pricing Guide", "Web Content")}  # fmt: skip
FORMS = {501: "Contact us", 502: "Pricing guide download"}
MOST = 300


@dataclass(slots=True)
class Member:
    """One lead in one program."""

    program_id: int
    lead_id: int
    status: str
    reached_success: bool
    joined_ms: int
    updated_ms: int

    def told(self) -> dict[str, Any]:
        return {
            "seq": 0, "leadId": self.lead_id, "programId": self.program_id, "statusName": self.status,
            "reachedSuccess": self.reached_success, "membershipDate": second(self.joined_ms),
            "updatedAt": second(self.updated_ms), "isExhausted": False, "acquiredBy": False,
        }  # fmt: skip


class Programs:
    """Members by program and lead."""

    def __init__(self, keeper: Keeper, clock: Clock, activities: Activities) -> None:
        self._keeper = keeper
        self._clock = clock
        self._activities = activities
        self.members: dict[tuple[int, int], Member] = {}
        for _, body in keeper.all("members"):
            member = Member(**body)
            self.members[member.program_id, member.lead_id] = member

    def move(self, program_id: int, lead_id: int, status: str, *, at_ms: int | None = None) -> str:
        """The member's state in the answer. Raises Reason 1037 for a step back."""
        name, channel = PROGRAMS[program_id]
        steps = {each: (step, success) for each, step, success in CHANNELS[channel]}
        now, before = self._clock.now_ms() if at_ms is None else at_ms, self.members.get((program_id, lead_id))
        if before is not None and steps[status][0] <= steps[before.status][0]:
            raise Reason("1037", "Cannot change to a status that the member has or had already")
        member = Member(program_id, lead_id, status, steps[status][1], before.joined_ms if before else now, now)
        self.members[program_id, lead_id] = member
        self._keeper.put("members", f"{program_id}|{lead_id}", asdict(member))
        words = {"New_Status": status, "Old_Status": before.status if before else None, "Success": steps[status][1]}
        self._activities.happened(kinds.PROGRESSED, lead_id, (program_id, name), at_ms=now, **words)
        return "updated" if before else "created"


def routes(programs: Programs, knows_lead: Callable[[int], bool]) -> list[Route]:
    """Channels, programs, members and their status."""

    async def channels(_request: Request) -> Response:
        listed = [
            {"id": number, "name": name, "applicableProgramType": "program", "progressionStatuses": [
                {"name": status, "step": step, "success": success} for status, step, success in statuses]}
            for number, (name, statuses) in enumerate(CHANNELS.items(), start=1)
        ]  # fmt: skip
        return answer(listed)

    async def listed_programs(_request: Request) -> Response:
        return answer([{"id": each, "name": name, "channel": channel} for each, (name, channel) in PROGRAMS.items()])

    async def status(request: Request) -> Response:
        program_id, body = _program(request), await request.json()
        wanted, given = body.get("statusName"), body.get("input") or []
        if wanted not in [each for each, _, _ in CHANNELS[PROGRAMS[program_id][1]]]:
            raise MarketoFault("1025", f"Program status '{wanted}' not found")
        if len(given) > MOST:
            raise MarketoFault("1003", f"Too many records, at most {MOST}")
        return answer([_moved(programs, program_id, int(each["leadId"]), wanted, knows_lead) for each in given])

    async def members(request: Request) -> Response:
        program_id, asked = _program(request), request.query_params
        values = asked.get("filterValues", "").split(",")
        name = asked.get("filterType")
        if name not in ("leadId", "statusName"):
            raise MarketoFault("1003", "Invalid filterType")
        of_program = [each for each in programs.members.values() if each.program_id == program_id]
        found = [each for each in of_program if str(each.told()[name]) in values]
        return answer([each.told() for each in found[:MOST]], moreResult=len(found) > MOST)

    return [
        Route("/rest/asset/v1/channels.json", channels, methods=["GET"]),
        Route("/rest/asset/v1/programs.json", listed_programs, methods=["GET"]),
        Route("/rest/v1/programs/{program:int}/members/status.json", status, methods=["POST"]),
        Route("/rest/v1/programs/{program:int}/members.json", members, methods=["GET"]),
    ]


def _program(request: Request) -> int:
    program_id = int(request.path_params["program"])
    if program_id not in PROGRAMS:
        raise MarketoFault("1013", f"Program '{program_id}' not found")
    return program_id


def _moved(
    programs: Programs, program_id: int, lead_id: int, status: str, knows_lead: Callable[[int], bool]
) -> dict[str, Any]:
    try:
        if not knows_lead(lead_id):
            raise Reason("1004", f"Lead '{lead_id}' not found")
        return {"leadId": lead_id, "status": programs.move(program_id, lead_id, status)}
    except Reason as reason:
        return reason.as_result(leadId=lead_id)
