"""The table of templates in the documentation is the code's."""

import re
from pathlib import Path

from grace.repair.source import Source
from grace.repair.templates import edits
from support.broken import CASES

ROOT = Path(__file__).parents[2]
TABLE = re.compile(r"^\| ([a-z, ]+) \| .+ \|$", re.MULTILINE)


def documented() -> set[str]:
    text = (ROOT / "docs/repair.md").read_text("utf-8").partition("## Templates")[2]
    return set(TABLE.findall(text.partition("## Figures")[0])) - {"template"}


def test_every_template_is_documented() -> None:
    made = set()
    for case in CASES[::2]:
        source = Source("t.py", case.broken)
        lines = dict.fromkeys(range(1, len(source.lines) + 1), 1.0)
        made |= {edit.template for edit in edits(source, lines, {})}
    assert made <= documented()


def test_every_documented_template_is_there() -> None:
    folder = ROOT / "bot/grace/repair/templates"
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    assert {name for name in documented() if f'"{name}"' not in source} == set()
