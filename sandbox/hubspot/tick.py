"""Life goes on: people edit, create, archive and merge records in HubSpot's own pages."""

import random
from collections import Counter

from sandbox.hubspot.account import PERSON, Account
from sandbox.hubspot.errors import HubSpotFault
from sandbox.hubspot.populate import FIRST, LAST, TITLE
from sandbox.hubspot.writing import Writer


def tick(account: Account, count: int) -> dict[str, int]:
    """About `count` changes by people; how many of each kind."""
    chance = random.Random(account.clock.now_ms())
    done: Counter[str] = Counter()
    contacts, companies = account.of("contacts"), account.of("companies")
    people = [record.id for record in contacts.living()]
    firms = [record.id for record in companies.living()]
    for _ in range(count):
        dice, writer = chance.random(), Writer(account, contacts, PERSON)
        record = contacts.resolve(str(chance.choice(people))) if people else None
        if record is None or record.archived_ms is not None or dice < 0.15:
            number = contacts.highest_id + 1
            values = {"firstname": chance.choice(FIRST), "lastname": chance.choice(LAST), "email": f"new.{number}@tick.example"}  # noqa: E501 # fmt: skip
            people.append(writer.create(values).id)
            done["contacts created"] += 1
        elif dice < 0.80:
            writer.update(record, {"jobtitle": f"{chance.choice(TITLE)} {chance.randrange(1000)}".strip()})
            done["contacts edited"] += 1
        elif dice < 0.95 and firms:
            firm = companies.by_id[chance.choice(firms)]
            Writer(account, companies, PERSON).update(firm, {"numberofemployees": str(chance.randrange(1, 30_000))})
            done["companies edited"] += 1
        elif dice < 0.98:
            writer.archive(record)
            done["contacts archived"] += 1
        else:
            other = contacts.resolve(str(chance.choice(people)))
            if other is not None and other.archived_ms is None and other.id != record.id:
                try:
                    writer.merge(record, other)
                    done["contacts merged"] += 1
                except HubSpotFault:
                    continue
    return dict(done)
