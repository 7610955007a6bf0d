"""octokit, GitHub's own client, works against the forge; its schema has all that ours has."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)

from grace.localforge.graph.sdl import SDL
from localforge.forge_world import REPO, SECRET, World

FOLDER = Path(__file__).parent / "octokit"
pytestmark = [
    pytest.mark.skipif(
        shutil.which("npm") is None or shutil.which("node") is None,
        reason="octokit needs node and npm, and they are not installed",
    ),
]


async def _run(folder: Path, *words: str, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def _installed(folder: Path) -> Path:
    """Install octokit, at the versions of package.json, into a folder of its own."""
    for name in ("package.json", "tour.mjs"):
        shutil.copy(FOLDER / name, folder / name)
    flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    await _run(folder, "npm", "install", *flags)
    return folder


async def test_octokit_goes_from_issue_to_merge_and_our_schema_is_part_of_githubs(
    world: World, tmp_path: Path
) -> None:
    # One test for both: to install octokit takes longer than to use it.
    (tmp_path / "node").mkdir()
    folder = await _installed(tmp_path / "node")
    published = folder / "node_modules/@octokit/graphql-schema/schema.graphql"
    assert _not_in(published.read_text()) == []

    await world.person("ann").post(f"{REPO}/issues", json={"title": "first"})
    await world.forge.idle()
    delivery = world.receiver.received[-1]
    tour = {
        "api": world.forge.api_url,
        "token": world.tokens["bob"],
        "app": world.app.id,
        "key": world.key,
        "installation": world.installation,
        "etag": (await (await world.bot()).get(REPO)).headers["ETag"],
        "secret": SECRET,
        "payload": delivery.raw.decode(),
        "signature": delivery.headers["x-hub-signature-256"],
    }
    found = json.loads(await _run(folder, "node", "tour.mjs", TOUR=json.dumps(tour)))
    graphql = found.pop("graphql")
    assert graphql["headRefOid"] == found.pop("head")
    assert graphql["commits"]["nodes"][0]["commit"]["statusCheckRollup"] == {"state": "SUCCESS"}
    assert found == {
        "slug": "grace",
        "titles": [f"i{number}" for number in range(5)],
        "author": "grace[bot]",
        "check": ["grace", "success"],
        "lost": ["NOT_FOUND"],
        "stale": 409,
        "merged": True,
        "same": 304,
        "verified": True,
        "forged": False,
        "signed": True,
    }


def _not_in(published: str) -> list[str]:
    """Return what our GraphQL schema has and GitHub's has not, or has with another type."""
    wrong: list[str] = []
    for ours in parse(SDL).definitions:
        name = ours.name.value  # type: ignore[attr-defined]
        kind = print_ast(ours).split()[0]
        found = re.search(
            rf"^{kind} {name}\b[^{{=\n]*(\{{.*?^\}}|=[^\n]*(\n  \|[^\n]*)*|$)",
            published,
            re.MULTILINE | re.DOTALL,
        )
        if found is None:
            wrong.append(f"{kind} {name}")
            continue
        (theirs,) = parse(found[0]).definitions
        wrong += [f"{name}.{part}" for part in _parts(ours).items() - _parts(theirs).items()]
    return wrong


def _parts(node: Any) -> dict[str, str]:
    """Return the fields, arguments and values of a type, each with its type."""
    match node:
        case EnumTypeDefinitionNode():
            return {value.name.value: "" for value in node.values or ()}
        case ObjectTypeDefinitionNode() | InputObjectTypeDefinitionNode():
            parts = {field.name.value: print_ast(field.type) for field in node.fields or ()}
            for field in node.fields or ():
                for argument in getattr(field, "arguments", None) or ():
                    name = f"{field.name.value}({argument.name.value})"
                    parts[name] = print_ast(argument.type)
            return parts
    return {}
