"""Settings of the marketing pattern → the pairings that the write engine compares by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from crm_patterns.catalog import include_dir
from crm_patterns.catalog.marketing_sync import EndSettings, FieldSettings, MarketingSyncSettings, PairingSettings
from crm_patterns.core.changes import Side
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.mapping import Currency, Domain, Email, Flag, Number, Plain, Translation
from crm_patterns.patterns.comparison import End, FieldEnd, FieldPair, Pairing, RestrictingReason
from crm_patterns.patterns.conflicts import FieldRule, Flow, Policy
from crm_patterns.patterns.write_gate import GateRules
from crm_patterns.translations import Translations, load_translations

SALESFORCE = "salesforce"
SIDES = {SALESFORCE: Side.LEFT, "platform": Side.RIGHT}
"""Salesforce is the left side of every pairing."""

_FLOWS = {"both": Flow.BOTH, "to_platform": Flow.LEFT_TO_RIGHT, "to_salesforce": Flow.RIGHT_TO_LEFT}
_SIMPLE: dict[str, Callable[[], Translation]] = {
    "email": Email,
    "domain": Domain,
    "flag": Flag,
    "currency": Currency,
    "one_line": lambda: Plain(one_line=True),
}


def pairing_of(settings: MarketingSyncSettings, name: str, translations: Translations) -> Pairing:
    """FixSettings where a field names a translation that is not there."""
    platform = next(p for p in settings.platforms if any(pairing.name == name for pairing in p.pairings))
    given = settings.pairing(name)
    ends = {SALESFORCE: _end(SALESFORCE, given.salesforce), "platform": _end(platform.name, given.platform)}
    pairs = tuple(_pair(field, platform.name, settings, translations) for field in given.fields)
    reasons = tuple(RestrictingReason(SIDES[each.side], each.field, each.restricts) for each in given.reasons)
    return Pairing(name, ends[SALESFORCE], ends["platform"], pairs, reasons)


def shipped_pairing(settings: MarketingSyncSettings, name: str) -> Pairing:
    """With the translations that lie beside the settings."""
    return pairing_of(settings, name, load_translations(include_dir() / "config" / "translations.yaml"))


def gate_rules(settings: MarketingSyncSettings, *, approve_above: int | None = None) -> GateRules:
    """As the settings say; `approve_above` stands in for how many records, and for their share."""
    gate = settings.gate
    if approve_above is not None:
        return GateRules(records=approve_above, share=None, deletes=gate.deletes, blanks=gate.blanks)
    return GateRules(gate.records, gate.share, gate.share_at_least, gate.deletes, gate.blanks)


def connections_of(settings: MarketingSyncSettings, platforms: Iterable[str]) -> Mapping[str, str]:
    """The connections of Salesforce and of these platforms, by system."""
    return {SALESFORCE: settings.source_conn_id, **{name: settings.platform(name).connection for name in platforms}}


def creating_sides(given: PairingSettings) -> frozenset[Side]:
    return frozenset(SIDES[side] for side in given.creates)


def _end(system: str, given: EndSettings) -> End:
    scope = tuple((name, frozenset(v.lower() for v in values)) for name, values in given.create_when.items())
    return End(system, given.object, given.own_key or "", given.find_by or "", scope)


def _pair(field: FieldSettings, platform: str, settings: MarketingSyncSettings, known: Translations) -> FieldPair:
    policy = Policy(field.policy)
    rule = FieldRule(
        field.salesforce,
        _FLOWS[field.flow],
        policy,
        SIDES[field.owner] if field.owner else None,
        timedelta(seconds=field.tolerance_s),
        known.ranks(field.translate) if policy is Policy.FURTHEST and field.translate else (),
    )
    try:
        left = FieldEnd(field.salesforce, _translation(field, SALESFORCE, settings, known))
        right = FieldEnd(field.platform, _translation(field, platform, settings, known))
    except FixSettings as error:
        raise FixSettings(f"marketing_sync, field {field.salesforce}: {error.problem}", fix=error.fix) from error
    return FieldPair(rule, left, right)


def _translation(
    field: FieldSettings, system: str, settings: MarketingSyncSettings, known: Translations
) -> Translation:
    name = field.translate
    if name is None:
        return Plain()
    if name in _SIMPLE:
        return _SIMPLE[name]()
    if name == "number":
        return Number(field.scale)
    if name == "phone":
        return known.phone(settings.home_country)
    if name in ("country", "country_code"):
        return known.country(as_code=name == "country_code")
    return known.picklist(name, system)
