"""The collections that are served: their fields, what they can be filtered by, what may be written."""

from dataclasses import dataclass, field
from typing import Literal

Type = Literal["integer", "string", "boolean", "datetime", "date", "number", "values"]

_PROSPECT: dict[str, Type] = {
    "id": "integer", "email": "string", "firstName": "string", "lastName": "string", "salutation": "string",
    "company": "string", "website": "string", "jobTitle": "string", "department": "string", "phone": "string",
    "fax": "string", "addressOne": "string", "addressTwo": "string", "city": "string", "state": "string",
    "country": "string", "zip": "string", "territory": "string", "industry": "string", "annualRevenue": "string",
    "employees": "string", "yearsInBusiness": "string", "source": "string", "comments": "string", "score": "integer",
    "grade": "string", "campaignId": "integer", "assignedToId": "integer", "salesforceId": "string",
    "salesforceContactId": "string", "salesforceLeadId": "string", "salesforceAccountId": "string",
    "salesforceCampaignId": "string", "salesforceOwnerId": "string", "optedOut": "boolean", "isDoNotEmail": "boolean",
    "isDoNotCall": "boolean", "isEmailHardBounced": "boolean", "isReviewed": "boolean", "isArchived": "boolean",
    "isDeleted": "boolean", "firstActivityAt": "datetime", "lastActivityAt": "datetime", "createdAt": "datetime",
    "updatedAt": "datetime",
}  # fmt: skip
_READ_ONLY = frozenset({
    "id", "grade", "salesforceContactId", "salesforceLeadId", "salesforceAccountId", "salesforceCampaignId",
    "salesforceOwnerId", "isEmailHardBounced", "isArchived", "isDeleted", "firstActivityAt", "lastActivityAt",
    "createdAt", "updatedAt", "assignedToId", "salesforceId",
})  # fmt: skip
CUSTOM_TYPES: dict[str, Type] = {
    "Text": "string", "Textarea": "string", "Hidden": "string", "Dropdown": "string", "Radio Button": "string",
    "CRM User": "string", "Number": "number", "Date": "date", "Checkbox": "values", "Multi-Select": "values",
}  # fmt: skip
LONGEST = 255
LONGEST_CUSTOM = {"Textarea": 65_535, "Text": 56_000}
STAMPS: dict[str, Type] = {"createdAt": "datetime", "updatedAt": "datetime"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One collection. `relations`: name of a related object → (the field with its id, its collection)."""

    name: str
    fields: dict[str, Type]
    filters: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    relations: dict[str, tuple[str, str]] = field(default_factory=dict)
    has_bin: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("prospects", _PROSPECT, frozenset({"email", "salesforceId", "campaignId"}), _READ_ONLY,
             {"campaign": ("campaignId", "campaigns")}, has_bin=True),
        Kind("campaigns", {"id": "integer", "name": "string", "cost": "integer", "salesforceId": "string",
                           "isDeleted": "boolean", **STAMPS}, frozenset({"salesforceId", "name"}), has_bin=True),
        Kind("lists", {"id": "integer", "name": "string", "title": "string", "isPublic": "boolean",
                       "isDeleted": "boolean", **STAMPS}, frozenset({"name"}), has_bin=True),
        Kind("list-memberships", {"id": "integer", "listId": "integer", "prospectId": "integer",
                                  "optedOut": "boolean", **STAMPS}, frozenset({"listId", "prospectId"}),
             relations={"prospect": ("prospectId", "prospects"), "list": ("listId", "lists")}),
        Kind("visitor-activities",
             {"id": "integer", "type": "integer", "typeName": "string", "prospectId": "integer",
              "campaignId": "integer", "emailId": "integer", "listEmailId": "integer", "formId": "integer",
              "formHandlerId": "integer", "landingPageId": "integer", "details": "string", **STAMPS},
             frozenset({"type", "prospectId", "campaignId"}),
             relations={"prospect": ("prospectId", "prospects"), "campaign": ("campaignId", "campaigns")}),
        Kind("custom-fields", {"id": "integer", "name": "string", "fieldId": "string", "type": "string",
                               "isRequired": "boolean", "isRecordMultipleResponses": "boolean",
                               "isUseValues": "boolean", "salesforceId": "string", **STAMPS}),
        Kind("prospect-accounts", {"id": "integer", "name": "string", "salesforceId": "string",
                                   "isDeleted": "boolean", **STAMPS}, has_bin=True),
    )
}  # fmt: skip
