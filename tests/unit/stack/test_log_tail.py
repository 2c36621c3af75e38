from __future__ import annotations

from pathlib import Path

from stack.log_tail import last_words


def test_the_last_lines_are_given_without_colours_and_frames(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("first\n\n\x1b[31msecond\x1b[0m\n  ╰────────╯\nthird   \n")

    assert last_words(log, lines=2) == ["second", "third"]


def test_the_raised_exception_is_among_them_although_much_was_said_after_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("OSError: [Errno 98] address already in use\n" + "shutting down\n" * 50)

    said = last_words(log, lines=4)

    assert said == ["OSError: [Errno 98] address already in use", *["shutting down"] * 3]


def test_of_a_huge_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"\xff noise\n" * 500_000 + b"the end\n")

    assert last_words(log, lines=1) == ["the end"]


def test_no_log_has_no_last_words(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log") == []
