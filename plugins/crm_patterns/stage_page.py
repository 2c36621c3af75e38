"""A stage's manifest as a page that a person reads: what was read, how, and which files hold it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_patterns.core.staging import Manifest

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2430; margin: 2rem auto; max-width: 62rem; padding: 0 1rem }
h1 { font-size: 1.35rem; margin-bottom: .2rem } h2 { font-size: 1.05rem; margin-top: 2rem }
p.where { color: #5b6776; margin-top: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #dde3ea; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums } code { font-size: .85em; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { color: #d7dee8; background: #14181f } th, td { border-color: #2c3440 } }
"""


def render(manifest: Manifest, *, uri: str) -> str:
    """The whole page; every text in it is escaped."""
    address, evidence, window = manifest.address, manifest.evidence, manifest.address.window
    facts = [
        ("Window", f"{window.start or 'the beginning of time'} to {window.end} (UTC, {window.kind.value})"),
        ("Read by", f"{evidence.method}: {evidence.method_reason}"),
        ("Counted by the source", f"{evidence.source_count:,}"),
        ("Sent by the source", f"{evidence.server_rows:,}"),
        ("Staged", f"{manifest.rows:,}"),
        ("Set aside while reading", f"{manifest.rejected:,}"),
        ("Stamps", f"{manifest.min_cursor or '–'} to {manifest.max_cursor or '–'}"),
        ("Bulk job", evidence.job_id or "none"),
        ("Calls", f"{evidence.calls:,}"),
        ("Source's clock when the read began", evidence.read_at),
    ]
    files = [(part.name, f"{part.rows:,}", f"{part.bytes:,}", part.sha256) for part in manifest.parts]
    columns = [(field.column, field.name, field.kind.value) for field in manifest.contract.fields]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(address.object_name)} staged</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>"
        f"<h1>{escape(address.object_name)}: {manifest.rows:,} rows staged</h1><p class=where>{escape(uri)}</p>"
        f"{_table((), facts)}<h2>Files</h2>{_table(('File', 'Rows', 'Bytes', 'SHA-256'), files)}"
        f"<h2>Columns</h2>{_table(('Column', 'Field', 'Type'), columns)}</html>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heading = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{heading}{body}</table>"
