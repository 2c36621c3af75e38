"""
How one system's value of a field is said in another's: data, in both directions.

Every translation keeps two laws, or two systems would correct one another for ever:

* what a side holds already and means the same is left as it is: `to_native(to_canonical(p), present=p) == p`;
* what is written means what was meant: `to_canonical(to_native(c, present=p)) == c`.

A value without a translation is no value to pass on: Untranslatable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Protocol

from crm_patterns.core.identity import domain_key, email_key
from crm_patterns.core.values import Value, is_blank


class Untranslatable(Exception):
    """There is no such value on the other side. `allowed` are the ones there are, where they can be listed."""

    def __init__(self, value: Value, *, allowed: Sequence[str] = ()) -> None:
        super().__init__(f"{value!r} has no translation.")
        self.value = value
        self.allowed = tuple(allowed)


class Translation(Protocol):
    """Between a system's own values and the canonical ones in which two systems are compared. Blank stays blank."""

    def to_canonical(self, native: Value) -> Value:
        """Untranslatable where there is none."""

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        """What to write to say `canonical` to a system that holds `present`."""


def _kept(translation: Translation, canonical: Value, present: Value) -> bool:
    try:
        return not is_blank(present) and translation.to_canonical(present) == canonical
    except Untranslatable:
        return False


@dataclass(frozen=True, slots=True)
class Plain:
    """The value itself; a text without white space around it and, where asked, in one line."""

    one_line: bool = False

    def to_canonical(self, native: Value) -> Value:
        if not isinstance(native, str):
            return native
        text = native.replace("\r\n", "\n").replace("\r", "\n").strip()
        return (" ".join(text.split()) if self.one_line else text) or None

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        return present if _kept(self, canonical, present) else canonical


@dataclass(frozen=True, slots=True)
class Email:
    """Lower-cased; what is no address is Untranslatable."""

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        key = email_key(str(native))
        if not key:
            raise Untranslatable(native)
        return key

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        return present if _kept(self, canonical, present) else canonical


@dataclass(frozen=True, slots=True)
class Domain:
    """`https://www.Acme.com/about` and `acme.com` are one; what is none is Untranslatable."""

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        key = domain_key(str(native))
        if not key:
            raise Untranslatable(native)
        return key

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        return present if _kept(self, canonical, present) else canonical


@dataclass(frozen=True)
class Picklist:
    """
    A side's values and what they mean, case-insensitive. Several may mean the same: the first of them is written, and
    any of them is left where it is found. `not_written` are meanings that this side takes by no update of a field.
    """

    rows: tuple[tuple[str, str], ...]  # (native, canonical)
    not_written: frozenset[str] = frozenset()

    @cached_property
    def canonical_by_native(self) -> Mapping[str, str]:
        return {native.casefold(): canonical for native, canonical in reversed(self.rows)}

    @cached_property
    def native_by_canonical(self) -> Mapping[str, str]:
        written = [(native, canonical) for native, canonical in self.rows if canonical not in self.not_written]
        return {canonical: native for native, canonical in reversed(written)}

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        found = self.canonical_by_native.get(str(native).strip().casefold())
        if found is None:
            raise Untranslatable(native, allowed=tuple(native for native, _ in self.rows))
        return found

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        if canonical is None or _kept(self, canonical, present):
            return None if canonical is None else present
        if canonical not in self.native_by_canonical:
            raise Untranslatable(canonical, allowed=tuple(sorted(self.native_by_canonical)))
        return self.native_by_canonical[str(canonical)]


@dataclass(frozen=True, slots=True)
class Several:
    """Several values of a picklist in one text, joined by `;`. The canonical text is sorted, each value once."""

    each: Translation
    separator: str = ";"

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        parts = {str(self.each.to_canonical(part)) for part in str(native).split(self.separator) if part.strip()}
        return ";".join(sorted(parts)) or None

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        if canonical is None or _kept(self, canonical, present):
            return None if canonical is None else present
        parts = str(canonical).split(";")
        return self.separator.join(str(self.each.to_native(part, present=None)) for part in parts)


@dataclass(frozen=True, slots=True)
class DialingRules:
    """How numbers are dialed in a country: its code, and the digit before a national number that is left out abroad."""

    code: str
    trunk: str = ""


@dataclass(frozen=True, slots=True)
class Phone:
    """
    E.164 (`+493012345`), with `;ext=` where there is an extension. A national number is taken for one of `home`.

    What cannot be understood (letters, too many digits) is kept as it is rather than lost: people call it.
    """

    home: DialingRules | None = None

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        text = " ".join(str(native).split())
        parts = _EXTENSION.fullmatch(text)
        number, extension = parts.groups() if parts else (text, "")
        digits = _dialed(number, self.home)
        if digits is None:
            return text
        return f"+{digits};ext={extension}" if extension else f"+{digits}"

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        return present if _kept(self, canonical, present) else canonical


_EXTENSION = re.compile(r"(.*\d\)?)(?:\s*[,;]?\s*(?:ext\.?|extension|x|;ext=)\s*[.:=]?\s*(\d{1,7}))", re.IGNORECASE)
_NOT_DIALED = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]")


def _dialed(text: str, home: DialingRules | None) -> str | None:
    """The digits after the plus; None where that cannot be said. ITU-T E.164 allows 15, and the shortest have 7."""
    without_zero = text.replace("(0)", "") if text.startswith(("+", "00")) else text
    dialed = _NOT_DIALED.sub("", without_zero)
    if dialed.startswith("+"):
        digits = dialed[1:]
    elif dialed.startswith("00"):
        digits = dialed[2:]
    elif home is not None and dialed.isdecimal():
        national = dialed.removeprefix(home.trunk) if home.trunk else dialed
        digits = home.code + national
    else:
        return None
    is_number = digits.isascii() and digits.isdecimal() and not digits.startswith("0")
    return digits if is_number and 7 <= len(digits) <= 15 else None


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number of so many decimals, rounded half up, and no more digits than it needs."""

    scale: int = 0

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        try:
            exact = Decimal(str(native).strip())
            return exact.quantize(Decimal(1).scaleb(-self.scale), ROUND_HALF_UP)
        except ArithmeticError as wrong:
            raise Untranslatable(native) from wrong

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        return present if _kept(self, canonical, present) else canonical


@dataclass(frozen=True, slots=True)
class Flag:
    """True and false in a system's own words. A blank stays unknown: it is not false."""

    yes: Value = True
    no: Value = False

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        if isinstance(native, bool):
            return native
        text = str(native).strip().casefold()
        if text in (str(self.yes).casefold(), str(self.no).casefold()):
            return text == str(self.yes).casefold()
        if text in _WORDS:
            return _WORDS[text]
        raise Untranslatable(native, allowed=(str(self.yes), str(self.no)))

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        if canonical is None or _kept(self, canonical, present):
            return None if canonical is None else present
        return self.yes if canonical else self.no


_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Currency:
    """ISO 4217 codes, upper-case. `known` are the ones that both systems have; empty: any."""

    known: frozenset[str] = frozenset()

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        code = str(native).strip().upper()
        if not CURRENCY.fullmatch(code) or (self.known and code not in self.known):
            raise Untranslatable(native, allowed=tuple(sorted(self.known)))
        return code

    def to_native(self, canonical: Value, *, present: Value) -> Value:
        return present if _kept(self, canonical, present) else canonical
