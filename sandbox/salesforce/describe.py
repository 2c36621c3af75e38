"""What describe tells of the org's objects ("REST API Developer Guide – Describe Global, sObject Describe")."""

from typing import Any

from sandbox.salesforce.schema import COMPOUNDS, IDS, NUMBERS, TEXTS, FieldSpec, ObjectSpec, Schema

_SOAP = {"id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "long": "xsd:long",
         "date": "xsd:date", "datetime": "xsd:dateTime", "time": "xsd:time", "address": "urn:address",
         "location": "urn:location", "base64": "xsd:base64Binary", "anyType": "xsd:anyType"}  # fmt: skip
_UNGROUPABLE = COMPOUNDS | {"multipicklist", "base64", "anyType", "datetime", "currency", "double", "percent"}


def describe_global(schema: Schema, version: str) -> dict[str, Any]:
    """The body of `/sobjects`."""
    objects = [describe_summary(each, version) for each in schema.objects.values()]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}


def describe_summary(spec: ObjectSpec, version: str) -> dict[str, Any]:
    """One object as the list of objects shows it."""
    base = f"/services/data/v{version}/sobjects/{spec.name}"
    writable = not spec.read_only
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": writable,
        "custom": spec.custom,
        "customSetting": False,
        "deletable": writable and spec.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "keyPrefix": spec.prefix,
        "label": spec.label,
        "labelPlural": spec.plural,
        "layoutable": writable,
        "mergeable": spec.mergeable,
        "mruEnabled": False,
        "name": spec.name,
        "queryable": True,
        "replicateable": spec.replicateable,
        "retrieveable": True,
        "searchable": writable,
        "triggerable": writable,
        "undeletable": writable and spec.undeletable,
        "updateable": writable,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def describe_object(schema: Schema, spec: ObjectSpec, version: str) -> dict[str, Any]:
    """The body of `/sobjects/X/describe`: only what the user may see."""
    children: list[dict[str, Any]] = [
        {
            "cascadeDelete": link.cascade,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": link.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": link.children,
            "restrictedDelete": False,
        }
        for child, link in schema.children_of(spec.name)
    ]
    return describe_summary(spec, version) | {
        "childRelationships": children,
        "fields": [describe_field(each) for each in spec.visible.values()],
        "recordTypeInfos": [],
        "supportedScopes": [{"label": f"All {spec.plural}", "name": "everything"}],
    }


def describe_field(spec: FieldSpec) -> dict[str, Any]:
    """One field with every attribute that describe gives it."""
    sortable = not spec.long_text and spec.type not in COMPOUNDS | {"multipicklist", "base64", "anyType"}
    length = 18 if spec.type in IDS else spec.length
    return {
        "aggregatable": sortable and spec.type != "boolean",
        "aiPredictionField": False,
        "autoNumber": spec.auto_number,
        "byteLength": length if spec.type in IDS else length * 3,
        "calculated": spec.calculated,
        "calculatedFormula": spec.formula,
        "cascadeDelete": spec.cascade,
        "caseSensitive": False,
        "compoundFieldName": spec.compound,
        "controllerName": None,
        "createable": spec.createable,
        "custom": spec.custom,
        "defaultValue": False if spec.type == "boolean" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": spec.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": spec.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": spec.external_id,
        "extraTypeInfo": "plaintextarea" if spec.type == "textarea" else None,
        "filterable": not spec.long_text and spec.type not in COMPOUNDS | {"base64", "anyType"},
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": spec.calculated and spec.type in NUMBERS,
        "groupable": sortable and spec.type not in _UNGROUPABLE,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": spec.id_lookup,
        "inlineHelpText": None,
        "label": spec.label,
        "length": length,
        "mask": None,
        "maskType": None,
        "name": spec.name,
        "nameField": spec.name_field,
        "namePointing": spec.polymorphic,
        "nillable": spec.nillable,
        "permissionable": spec.nillable and spec.type not in IDS - {"reference"},
        "picklistValues": _picklist(spec),
        "polymorphicForeignKey": spec.polymorphic,
        "precision": spec.precision,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(spec.reference_to),
        "relationshipName": spec.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": spec.restricted,
        "scale": spec.scale,
        "searchPrefilterable": spec.type in IDS,
        "soapType": _soap_type(spec),
        "sortable": sortable,
        "type": spec.type,
        "unique": spec.unique,
        "updateable": spec.updateable,
        "writeRequiresMasterRead": False,
    }


def _picklist(spec: FieldSpec) -> list[dict[str, Any]]:
    labels = spec.picklist_labels or spec.picklist
    return [
        {"active": True, "defaultValue": value == spec.default, "label": label, "validFor": None, "value": value}
        for value, label in zip(spec.picklist, labels, strict=True)
    ]


def _soap_type(spec: FieldSpec) -> str:
    if spec.type in NUMBERS:
        return "xsd:double"
    return "xsd:anyType" if spec.type == "anyType" else _SOAP.get(spec.type, "xsd:string" if spec.type in TEXTS else "")
