"""Every relative link and image in the Markdown files of the repository must lead to something that exists."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

REPOSITORY = Path(__file__).resolve().parents[1]
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def markdown_files() -> list[Path]:
    """The Markdown files that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return [path for line in listed.splitlines() if (path := REPOSITORY / line).exists()]


def anchors(markdown: str) -> set[str]:
    """The anchors that a page's headings make."""
    texts = HEADING.findall(FENCED.sub("", markdown))
    plain = (re.sub(r"[^\w\- ]", "", text.lower()) for text in texts)
    return {text.strip().replace(" ", "-") for text in plain}


def broken_links(page: Path) -> Iterator[str]:
    """Each link of a page that leads nowhere, with its line."""
    markdown = page.read_text(encoding="utf-8")
    prose = INLINE_CODE.sub(_blank, FENCED.sub(_blank, markdown))
    for found in LINK.finditer(prose):
        target, _, anchor = unquote(found[1]).partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        there = (page.parent / target).resolve() if target else page
        where = f"{page.relative_to(REPOSITORY)}:{prose[: found.start()].count(chr(10)) + 1}"
        if not there.exists():
            yield f"{where}: {found[1]} does not exist"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text(encoding="utf-8")):
            yield f"{where}: {found[1]}: no such heading"


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


if __name__ == "__main__":
    problems = [problem for page in markdown_files() for problem in broken_links(page)]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    sys.exit(bool(problems))
