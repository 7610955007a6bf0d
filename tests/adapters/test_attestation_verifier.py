"""Verification from outside: whatever strangers send is answered, in time, with no network."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
import yaml

from grace.adapters.attestations import SigstoreVerifier
from grace.adapters.attestations.bundles import Bundles
from grace.domain.results import ArtifactReport
from grace.domain.rules.language import RepositoryPolicy
from support.sigstore_authority import GITHUB, Authority, change, put

WORLD = Path(__file__).parent / "attested"
REUSED = "49a3aa6075e0f49f82843e74b5baa614ad2a588e6675612bf108a0a008c5ac25"
SHA256 = hashlib.sha256(b"a wheel").hexdigest()
OTHER = hashlib.sha256(b"another wheel").hexdigest()
AUTHORITY = Authority()
GOOD = AUTHORITY.provenance({"dist/mesh.whl": SHA256})


def report(bundle: str, sha256: str = SHA256, name: str = "dist/mesh.whl") -> ArtifactReport:
    return ArtifactReport(name=name, sha256=sha256, bundle=bundle)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "trusted_root.json"
    path.write_text(AUTHORITY.trusted_root())
    return path


@pytest.fixture(scope="module")
def ours(root: Path) -> Bundles:
    return Bundles(root)


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "null", "77", '"x"', "NaN", "{{", "[" * 90_000, '{"a":' * 19_000, "9" * 9_000, "\x00\x00", "é" * 9]
    + [f'{{"verificationMaterial": {each}}}' for each in ("{}", "[]", "null", '{"tlogEntries": [7]}')],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(ours, text):
    found = ours.check(report(text))
    assert found.problem
    assert len(found.problem) < 400
    assert found.problem.isprintable()


def test_what_is_wrong_is_said_in_words(ours):
    assert ours.check(report("[]")).problem == "the bundle is not a JSON object"
    assert "cannot be read: see mediaType, verificationMaterial" in ours.check(report("{}")).problem


def test_a_bundle_of_a_megabyte_is_not_even_parsed(ours):
    huge = ArtifactReport.model_construct(name="x", sha256=SHA256, bundle="[" * 1_000_000)
    assert ours.check(huge).problem == "the bundle has more than 100000 characters"


def test_a_parser_that_breaks_is_a_problem_and_a_line_in_the_log(ours):
    class Panic(BaseException):
        pass

    class Text(str):
        __slots__ = ()

        def __len__(self) -> int:
            raise Panic

    broken = ArtifactReport.model_construct(name="x", sha256=SHA256, bundle=Text("{}"))
    with structlog.testing.capture_logs() as logs:
        found = ours.check(broken)
    assert found.problem == "the bundle cannot be read (Panic)"
    assert [(line["event"], line["artifact"]) for line in logs] == [
        ("bundle_broke_the_parser", "x")
    ]


async def test_every_artifact_is_answered_for_in_order(root):
    good, bad = GOOD, GOOD[:-20]
    found = await SigstoreVerifier(root).verify(
        [report(bad, name="a"), report(good, name="b"), report(good, OTHER, name="c")]
    )
    assert [(each.name, bool(each.problem)) for each in found] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]
    assert await SigstoreVerifier(root).verify([]) == ()


@pytest.mark.parametrize(
    "text",
    [None, "", "{}", AUTHORITY.trusted_root().replace("version=0.1", "version=9"),
     change(AUTHORITY.trusted_root(), put([], "certificateAuthorities"))],
)  # fmt: skip
async def test_without_a_trusted_root_nothing_is_verified(tmp_path, text):
    path = tmp_path / "root.json"
    if text is not None:
        path.write_text(text)
    (found,) = await SigstoreVerifier(path).verify([report(GOOD)])
    assert found.problem.startswith("the trusted root root.json cannot be read: ")
    assert found.identity == ""


async def test_a_root_without_logs_verifies_nothing(tmp_path):
    for part, why in (("tlogs", "trusted root"), ("ctlogs", "CTFE keys not found")):
        path = tmp_path / "root.json"
        path.write_text(change(AUTHORITY.trusted_root(), put([], part)))
        (found,) = await SigstoreVerifier(path).verify([report(GOOD)])
        assert why in found.problem


async def test_what_takes_too_long_is_unverified(root):
    found = await SigstoreVerifier(root, limit_s=0).verify([report(GOOD), report(GOOD)])
    assert [each.problem for each in found] == ["it was not verified within 0 s"] * 2


OFFLINE = """
import asyncio, sys
from pathlib import Path
from grace.adapters.attestations import SigstoreVerifier, embedded_root
from grace.domain.results import ArtifactReport

told = []
loop = asyncio.new_event_loop()
sys.addaudithook(lambda event, args: told.append(event) if event.startswith("socket.") else None)
artifact = ArtifactReport(name="x", sha256=sys.argv[2], bundle=Path(sys.argv[1]).read_text())
for _ in range(2):
    (found,) = loop.run_until_complete(SigstoreVerifier(embedded_root()).verify([artifact]))
    print(repr(found.problem), set(told) - {"socket.__new__", "socket.bind"}, len(told))
    told.clear()
loop.close()
"""


def test_no_socket_is_opened_and_no_cache_is_read_or_written(tmp_path):
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    argv = [sys.executable, "-c", OFFLINE, str(WORLD / "v0.3-provenance.json")]
    done = subprocess.run([*argv, REUSED], env=env, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    # urllib3, which the library imports, binds once to the loopback to see whether there is IPv6.
    assert first in {"'' set() 0", "'' set() 2"}
    assert second == "'' set() 0"
    assert list(tmp_path.iterdir()) == []


def test_the_rule_on_the_page_is_one_that_policy_reads():
    page = (Path(__file__).parents[2] / "docs/attestations.md").read_text()
    block = page.partition("```yaml\nversion")[2].partition("```")[0]
    (rule,) = RepositoryPolicy.model_validate(yaml.safe_load(f"version{block}")).rules
    wanted = rule.require.attestations
    assert wanted is not None
    assert (wanted.artifacts, wanted.issuer) == (("dist/*.whl",), GITHUB)
