"""Record ids: 15 case-sensitive characters, or 18 with three check characters that survive case-folding.

"Object Reference – ID Field Type". Layout here: key prefix (3), instance (`5g`), seven base-62 digits with three
leading zeros to spare: `006` `5g` `00000` `0000A`, so that one object may hold 916 million rows in five digits.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
INSTANCE = "5g"
CAPACITY = 62**5


def check_characters(id15: str) -> str:
    """The three characters that turn a 15-character id into an 18-character one."""
    groups = (id15[start : start + 5] for start in (0, 5, 10))
    return "".join(_CHECKS[sum(1 << bit for bit, char in enumerate(group) if "A" <= char <= "Z")] for group in groups)


def is_id(text: str) -> bool:
    """Whether the text has the form of an id: 15 characters, or 18 of which the last three check the others."""
    if not text.isascii() or not text.isalnum():
        return False
    return len(text) == 15 or (len(text) == 18 and text[15:].upper() == check_characters(text[:15]))


def to_18(text: str) -> str:
    """The 18-character form. Raises ValueError when the text is no id."""
    if not is_id(text):
        raise ValueError(f"{text!r} is not a record id")
    return text[:15] + check_characters(text[:15])


def record_id(prefix: str, number: int) -> str:
    """The 18-character id of an object's row `number`, counted from 0. Raises ValueError beyond `CAPACITY` rows."""
    if not 0 <= number < CAPACITY:
        raise ValueError(f"row number {number} does not fit into an id")
    digits = ""
    for _ in range(5):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return to_18(f"{prefix}{INSTANCE}00000{digits}")


def sql_macros() -> list[str]:
    """DuckDB statements that create `sf_id(prefix, n)`, the same function as `record_id` for a constant prefix."""
    place = [62**power for power in (4, 3, 2, 1, 0)]
    digit = "substr('{alphabet}', cast((n // {unit}) % 62 as integer) + 1, 1)"
    digits = " || ".join(digit.format(alphabet=ALPHABET, unit=unit) for unit in place)
    case = "if((n // {unit}) % 62 between 10 and 35, {weight}, 0)"
    weights = " + ".join(case.format(unit=unit, weight=1 << bit) for bit, unit in enumerate(place))
    upper = "if(substr(prefix, {at}, 1) between 'A' and 'Z', {weight}, 0)"
    head = " + ".join(upper.format(at=at + 1, weight=1 << at) for at in range(3))
    checks = f"substr('{_CHECKS}', 1 + {head}, 1) || 'A' || substr('{_CHECKS}', 1 + {weights}, 1)"
    return [f"create or replace macro sf_id(prefix, n) as prefix || '{INSTANCE}00000' || {digits} || {checks}"]
