"""Which lines of a comment are commands."""

from typing import Any

import pytest

from grace.adapters.github.commands import commands


def read(text: str) -> list[tuple[str, str]]:
    return [(command.name, command.argument) for command in commands(text, "/grace")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/grace start", [("start", "")]),
        ("  /grace   Approve  security scan  ", [("approve", "security scan")]),
        ("/grace", [("help", "")]),
        ("Looks good.\r\n\r\n/grace start\r\n/grace approve a", [("start", ""), ("approve", "a")]),
        ("/graceful start", []),
        ("please /grace start", []),
        ("/GRACE start", []),
        ("    /grace start", []),
        ("\t/grace start", []),
        ("> /grace start", []),
        ("> quoted\n/grace start", []),
        ("> quoted\n\n/grace start", [("start", "")]),
        ("```\n/grace start\n```", []),
        ("```sh\n/grace start", []),
        ("```\ncode\n```\n/grace start", [("start", "")]),
        ("````\n```\n/grace start\n````\n/grace stop", [("stop", "")]),
        ("~~~\n```\n/grace start\n~~~", []),
        ("``` not `a` fence\n/grace start", [("start", "")]),
        ("<!-- hidden\n/grace start\n-->\n/grace stop", [("stop", "")]),
        ("<!-- /grace start -->\n/grace stop", [("stop", "")]),
        ("<!--\n/grace start", []),
        ("", []),
    ],
)
def test_only_the_authors_own_lines_command(text: str, expected: Any) -> None:
    assert read(text) == expected


def test_commands_and_their_words_are_bounded() -> None:
    found = read("\n".join([f"/grace {'n' * 90} {'a' * 900}"] * 30))
    assert len(found) == 10
    assert {(len(name), len(argument)) for name, argument in found} == {(40, 500)}
