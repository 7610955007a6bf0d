"""`grace audit verify --lines`: a log as the API sends it is verified by anybody who has the key."""

import asyncio
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.keys import raw_line
from grace.adapters.sqlite.reader import StoreReader
from grace.cli.main import app
from support.past import KEY, waiting, write_past


def verify(folder: Path, lines: str, given: bytes | None = None) -> Result:
    args = ["audit", "verify", "--lines", lines, "--key", str(folder / "key.pub")]
    return CliRunner().invoke(app, args, input=given)


async def sent(path: Path) -> bytes:
    reader = await StoreReader.look(path)
    try:
        (log,) = await reader.logs()
        return b"".join(line + b"\n" for line in await reader.lines(log))
    finally:
        await reader.close()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("lines") / "grace.db"
    asyncio.run(write_past(path, (waiting,)))
    return asyncio.run(sent(path))


def test_lines_of_a_log_are_verified_from_a_file_and_from_stdin(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "key.pub").write_text(raw_line(KEY.public))
    (tmp_path / "ledger.ndjson").write_bytes(content)
    for said in (verify(tmp_path, str(tmp_path / "ledger.ndjson")), verify(tmp_path, "-", content)):
        assert said.exit_code == 0, said.output
        count = content.count(b"\n")
        assert f"log forge.test/1: {count} entries, {count} signatures verified" in said.stdout
        assert said.stdout.endswith("good\n")


def test_changed_lines_are_found(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(raw_line(KEY.public))
    said = verify(tmp_path, "-", content.replace(b"alice", b"malle"))
    assert said.exit_code == 1
    assert "BAD" in said.stdout
    cut = b"\n".join(content.split(b"\n")[1:])
    assert verify(tmp_path, "-", cut).exit_code == 1
    assert verify(tmp_path, str(tmp_path / "none")).exit_code == 2
