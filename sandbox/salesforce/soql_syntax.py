"""SOQL text → syntax tree, with Salesforce's sentences where the text is no SOQL."""

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from sandbox.salesforce.errors import SalesforceFault

LONGEST = 100_000
_SHOWN = 40
_GRAMMAR = Path(__file__).with_name("soql.lark")
_ESCAPES = {"n": "\n", "N": "\n", "r": "\r", "R": "\r", "t": "\t", "T": "\t", "b": "\b", "B": "\b", "f": "\f",
            "F": "\f", '"': '"', "'": "'", "\\": "\\"}  # fmt: skip


class Node(Tree[Token]):
    """A part of a query's tree. Which children it has, nodes or tokens, the grammar says."""

    children: list[Any]


@cache
def _parser() -> Lark:
    text = _GRAMMAR.read_text(encoding="utf-8")
    return Lark(text, parser="lalr", maybe_placeholders=True, propagate_positions=True, tree_class=Node)


def parse(text: str) -> Node:
    """The tree of a query. Raises MALFORMED_QUERY (400)."""
    if not text.strip():
        raise malformed("A query string has to be specified")
    if len(text) > LONGEST:
        sentence = f"SOQL statements cannot be longer than {LONGEST} characters."
        raise SalesforceFault(400, "QUERY_TOO_COMPLICATED", sentence)
    try:
        return cast(Node, _parser().parse(text))
    except UnexpectedEOF as error:
        raise malformed("unexpected token: '<EOF>'") from error
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise malformed("unexpected token: '<EOF>'") from error
        raise malformed(f"{pointer(text, error.line, error.column)}unexpected token: '{error.token}'") from error
    except UnexpectedCharacters as error:
        word = re.match(r"\w+|.", text[error.pos_in_stream or 0 :], re.DOTALL)
        token = word[0] if word else "<EOF>"
        raise malformed(f"{pointer(text, error.line, error.column)}unexpected token: '{token}'") from error
    except UnexpectedInput as error:
        raise malformed(str(error)) from error


def malformed(message: str) -> SalesforceFault:
    return SalesforceFault(400, "MALFORMED_QUERY", message)


def pointer(text: str, row: int, column: int) -> str:
    """The lines with which Salesforce shows the place of a mistake; row and column count from 1."""
    line = text.split("\n")[row - 1]
    start = max(0, column - 1 - _SHOWN)
    shown = line[start : column - 1 + _SHOWN]
    return f"\n{shown}\n{' ' * (column - 1 - start)}^\nERROR at Row:{row}:Column:{column}\n"


def place(text: str, node: Node | Token) -> str:
    """`pointer` for a node of the query's tree."""
    where = node if isinstance(node, Token) else node.meta
    return pointer(text, where.line or 1, where.column or 1)


def unquoted(token: str, *, like: bool = False) -> str:
    """The value of a quoted text. For LIKE, `\\%`, `\\_` and `\\\\` stay escaped. Raises MALFORMED_QUERY."""
    parts, rest = [], iter(token[1:-1])
    for char in rest:
        if char != "\\":
            parts.append(char)
            continue
        escaped = next(rest)
        if escaped in "%_":
            parts.append(f"\\{escaped}" if like else escaped)
        elif escaped in _ESCAPES:
            parts.append("\\\\" if like and escaped == "\\" else _ESCAPES[escaped])
        else:
            raise malformed(f"Illegal character sequence '\\{escaped}' in string literal")
    return "".join(parts)
