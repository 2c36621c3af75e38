"""Life goes on: people edit, create and delete prospects, prospects open and click."""

import random
from collections import Counter

from sandbox.pardot.populate import ACTIVITIES, OWN, happened
from sandbox.pardot.unit import Unit
from sandbox.pardot.writing import Writer


def tick(unit: Unit, count: int) -> dict[str, int]:
    """About `count` changes; how many of each kind."""
    chance, writer = random.Random(unit.clock.now_ms()), Writer(unit)
    done: Counter[str] = Counter()
    for _ in range(count):
        dice = chance.random()
        living = [each for each in unit.records["prospects"].values() if not each.get("isDeleted")]
        if not living or dice < 0.15:
            number = unit.next_id("prospects")
            writer.create({"email": f"new.{number}@tick.example", "firstName": chance.choice(OWN)})
            done["prospects created"] += 1
            continue
        record = chance.choice(living)
        if dice < 0.65:
            writer.update(record, {"jobTitle": f"Title {chance.randrange(1000)}"})
            done["prospects edited"] += 1
        elif dice < 0.70:
            writer.update(record, {"optedOut": True})
            done["prospects opted out"] += 1
        elif dice < 0.97:
            happened(unit, record["id"], record.get("campaignId"), chance.choice(ACTIVITIES), unit.now())
            unit.put("prospects", {**record, "lastActivityAt": unit.now()})
            done["activities"] += 1
        else:
            writer.delete(record)
            done["prospects deleted"] += 1
    return dict(done)
