"""A lead becomes a contact at an account, for good: the lead stays, points to them, and cannot be edited any more."""

from typing import Any

from sandbox.salesforce.drafts import UNKNOWN_ID, rows_by_id
from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.store import Org
from sandbox.salesforce.writes import Outcome, Writer, transaction

CARRIED = ("FirstName", "LastName", "Salutation", "Title", "Phone", "MobilePhone", "Fax", "Email", "Description",
           "LeadSource", "OwnerId", "HasOptedOutOfEmail", "DoNotCall")  # fmt: skip
"""Fields that the contact takes over. Custom fields go where the org's mapping says; this one has none."""


def convert(org: Org, lead_id: str, *, account_id: str | None, status: str) -> dict[str, str]:
    """The ids of the account and the contact; both are new without `account_id`. Raises SalesforceFault."""
    with transaction(org) as cursor:
        lead = rows_by_id(org, cursor, "Lead", [to_18(lead_id)]).get(to_18(lead_id))
        if lead is None or lead["IsDeleted"]:
            raise SalesforceFault(400, UNKNOWN_ID.code, UNKNOWN_ID.message)
        if lead["IsConverted"]:
            raise SalesforceFault(400, "CANNOT_UPDATE_CONVERTED_LEAD", "the lead is converted already")
        account = account_id or _created(org, "Account", {"Name": lead["Company"]})
        values: dict[str, Any] = {name: lead[name] for name in CARRIED if lead.get(name) is not None}
        contact = _created(org, "Contact", values | {"AccountId": account})
        now = org.now().replace(tzinfo=None)
        cursor.execute(
            f'update {org.table("Lead")} set "IsConverted" = true, "Status" = ?, "ConvertedDate" = ?, '
            '"ConvertedAccountId" = ?, "ConvertedContactId" = ?, "SystemModstamp" = ?, "LastModifiedDate" = ? '
            'where "Id" = ?',
            [status, now.date(), account, contact, now, now, lead["Id"]],
        )
    return {"account": account, "contact": contact}


def _created(org: Org, object_name: str, values: dict[str, Any]) -> str:
    outcome: Outcome = Writer(org, object_name=object_name, user_id=org.user_id).insert([values])[0]
    if outcome.errors or outcome.id is None:
        raise SalesforceFault(400, outcome.errors[0].code, outcome.errors[0].message)
    return outcome.id
