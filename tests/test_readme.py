"""The README says what the program says."""

import re
from pathlib import Path

import typer
from typer.main import get_command

from grace.cli.main import app

README = Path(__file__).parent.parent / "README.md"


def listed_commands() -> str:
    """Write the command list as the README has it: name and first sentence."""
    root = get_command(app)
    context = typer.Context(root, info_name="grace")
    lines = [
        f"grace {name:<12} {command.get_short_help_str(100)}"
        for name in root.list_commands(context)
        if (command := root.get_command(context, name)) is not None
    ]
    return "```\n" + "\n".join(lines) + "\n```"


def test_the_readme_lists_the_commands_as_help_does():
    found = re.search(r"<!-- help -->\n(.*?)\n<!-- /help -->", README.read_text(), re.DOTALL)
    assert found is not None
    assert found[1] == listed_commands()


def test_the_readme_promises_only_make_targets_that_exist():
    makefile = (README.parent / "Makefile").read_text()
    promised = re.findall(r"^make (\w+)", README.read_text(), re.MULTILINE)
    assert promised
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in promised)
