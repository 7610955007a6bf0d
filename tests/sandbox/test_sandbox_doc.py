"""docs/sandbox.md prints the escapes that are tried, all of them and no other."""

from pathlib import Path

import pytest

from support.escapes import ESCAPES, GIT_ESCAPES, Escape, GitEscape

PAGE = Path(__file__).parents[2] / "docs/sandbox.md"


def table(escapes: tuple[Escape, ...] | tuple[GitEscape, ...]) -> str:
    rows = ["| escape | attempt | answer |", "|---|---|---|"]
    return "\n".join((*rows, *(f"| {e.name} | {e.attempt} | {e.answer} |" for e in escapes)))


@pytest.mark.parametrize("escapes", [ESCAPES, GIT_ESCAPES])
def test_the_page_has_the_table_of_the_escapes(escapes):
    assert f"\n\n{table(escapes)}\n\n" in PAGE.read_text("utf-8")
