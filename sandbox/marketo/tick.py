"""Life goes on: people fill in forms, open mails, are edited, merged and deleted."""

import random
from collections import Counter

from sandbox.marketo import activities as kinds
from sandbox.marketo.errors import Reason
from sandbox.marketo.instance import Instance
from sandbox.marketo.leads import Lead
from sandbox.marketo.programs import CHANNELS, FORMS, PROGRAMS

TITLES = ("VP Marketing", "Head of Sales", "CFO", "Data Engineer", "Office Manager", "Purchasing, EMEA", "CTO")


def tick(instance: Instance, count: int) -> dict[str, int]:
    """About `count` things that happen; how many of each kind."""
    chance, leads = random.Random(instance.clock.now_ms()), instance.leads
    done: Counter[str] = Counter()
    for _ in range(count):
        dice = chance.random()
        ids = list(leads.by_id)
        if not ids or dice < 0.15:
            number = leads.highest_id + 1
            values = {"firstName": "New", "lastName": f"Visitor {number}", "email": f"new.{number}@tick.example"}
            lead = leads.create(values, source="Web form fillout")
            form = chance.choice(list(FORMS))
            instance.activities.happened(kinds.FORM, lead.id, (form, FORMS[form]))
            done["leads created"] += 1
            continue
        lead = leads.by_id[chance.choice(ids)]
        if dice < 0.60:
            title = f"{chance.choice(TITLES)} {chance.randrange(1000)}"
            leads.update(lead, {"title": title, "leadScore": chance.randrange(100)}, source="Marketing user")
            done["leads edited"] += 1
        elif dice < 0.66:
            opt_out(instance, lead)
            done["opt-outs"] += 1
        elif dice < 0.94:
            done[engage(instance, chance, lead)] += 1
        elif dice < 0.97:
            leads.delete(lead)
            done["leads deleted"] += 1
        else:
            other = leads.by_id[chance.choice(ids)]
            if other.id != lead.id:
                leads.merge(lead, [other])
                done["leads merged"] += 1
    return dict(done)


def opt_out(instance: Instance, lead: Lead, *, at_ms: int | None = None) -> None:
    """As by the link in a mail."""
    instance.activities.happened(kinds.UNSUBSCRIBED, lead.id, (801, "Product Newsletter"), at_ms=at_ms)
    instance.leads.update(lead, {"unsubscribed": True}, source="Unsubscribe page", at_ms=at_ms)


def engage(instance: Instance, chance: random.Random, lead: Lead, *, at_ms: int | None = None) -> str:
    """One mail, bounce, or step in a program; what it was."""
    dice = chance.random()
    if dice < 0.1:
        instance.activities.happened(kinds.BOUNCED, lead.id, (801, "Product Newsletter"), at_ms=at_ms, Category="2")
        instance.leads.update(lead, {"emailInvalid": True}, source="Email bounced", at_ms=at_ms)
        return "mails bounced"
    if dice < 0.5:
        for kind in (kinds.SENT, kinds.DELIVERED, kinds.OPENED, kinds.CLICKED)[: chance.randrange(2, 5)]:
            instance.activities.happened(kind, lead.id, (801, "Product Newsletter"), at_ms=at_ms)
        return "mails sent"
    program = chance.choice(list(PROGRAMS))
    status = chance.choice(CHANNELS[PROGRAMS[program][1]])[0]
    try:
        instance.programs.move(program, lead.id, status, at_ms=at_ms)
    except Reason:
        return "steps refused"
    return "steps in programs"
