"""What Slack refuses in a message. Limits from https://docs.slack.dev/reference/block-kit/blocks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

BLOCKS, ATTACHMENTS, BLOCK_ID = 50, 100, 255
SECTION_TEXT, SECTION_FIELDS, SECTION_FIELD = 3000, 10, 2000
HEADER_TEXT, CONTEXT_ELEMENTS, ACTION_ELEMENTS = 150, 10, 25
BUTTON_TEXT, BUTTON_VALUE, BUTTON_URL, ACTION_ID = 75, 2000, 3000, 255
IMAGE_URL, ALT_TEXT = 3000, 2000
PLAIN_BLOCKS = {"divider", "rich_text", "markdown", "file", "video", "input", "table"}

Problem = str


def problems(payload: Mapping[str, Any]) -> list[Problem]:
    """Every rule of Block Kit that the message breaks, each with the place; empty when Slack would take it."""
    blocks = payload.get("blocks", [])
    found: list[Problem] = []
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    if len(blocks) > BLOCKS:
        found.append(f"no more than {BLOCKS} items allowed [json-pointer:/blocks]")
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict) and block.get("block_id")]
    if len(ids) != len(set(ids)):
        found.append("`block_id` already exists [json-pointer:/blocks]")
    for index, block in enumerate(blocks):
        found += [f"{text} [json-pointer:/blocks/{index}{place}]" for place, text in _block(block)]
    return found


def _block(block: object) -> Iterator[tuple[str, str]]:
    if not isinstance(block, dict):
        yield "", "must be an object"
        return
    yield from _length(block.get("block_id", ""), BLOCK_ID, "/block_id")
    kind = str(block.get("type"))
    if kind in RULES:
        yield from RULES[kind](block)
    elif kind not in PLAIN_BLOCKS:
        yield "/type", f"unsupported type: {kind}"


def _header(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _text(block.get("text"), HEADER_TEXT, "/text", kinds=("plain_text",))


def _context(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _elements(block, CONTEXT_ELEMENTS)
    for index, element in enumerate(block.get("elements") or []):
        if isinstance(element, dict) and element.get("type") != "image":
            yield from _text(element, SECTION_TEXT, f"/elements/{index}")


def _actions(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _elements(block, ACTION_ELEMENTS)
    for index, element in enumerate(block.get("elements") or []):
        yield from _button(element, f"/elements/{index}")


def _image(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _length(block.get("image_url", ""), IMAGE_URL, "/image_url")
    yield from _length(block.get("alt_text"), ALT_TEXT, "/alt_text")


def _section(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "text" not in block and "fields" not in block:
        yield "", "missing required field: text or fields"
    if "text" in block:
        yield from _text(block["text"], SECTION_TEXT, "/text")
    fields = block.get("fields", [])
    if len(fields) > SECTION_FIELDS:
        yield "/fields", f"no more than {SECTION_FIELDS} items allowed"
    for index, field in enumerate(fields):
        yield from _text(field, SECTION_FIELD, f"/fields/{index}")
    if isinstance(block.get("accessory"), dict) and block["accessory"].get("type") == "button":
        yield from _button(block["accessory"], "/accessory")


def _elements(block: Mapping[str, Any], limit: int) -> Iterator[tuple[str, str]]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield "/elements", "missing required field: elements"
    elif len(elements) > limit:
        yield "/elements", f"no more than {limit} items allowed"


def _button(element: object, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(element, dict) or element.get("type") != "button":
        return
    yield from _text(element.get("text"), BUTTON_TEXT, f"{place}/text", kinds=("plain_text",))
    yield from _length(element.get("value", ""), BUTTON_VALUE, f"{place}/value")
    yield from _length(element.get("url", ""), BUTTON_URL, f"{place}/url")
    yield from _length(element.get("action_id", ""), ACTION_ID, f"{place}/action_id")
    if element.get("style") not in (None, "primary", "danger"):
        yield f"{place}/style", "must be one of: primary, danger"


def _text(
    text: object, limit: int, place: str, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> Iterator[tuple[str, str]]:
    if not isinstance(text, dict):
        yield place, "must be a text object"
        return
    if text.get("type") not in kinds:
        yield f"{place}/type", f"must be one of: {', '.join(kinds)}"
    if text.get("text") == "":
        yield f"{place}/text", "must be more than 0 characters"
    yield from _length(text.get("text"), limit, f"{place}/text")


def _length(value: object, limit: int, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, str):
        yield place, "must be a string"
    elif len(value) > limit:
        yield place, f"must be less than {limit + 1} characters"


RULES: Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
}
