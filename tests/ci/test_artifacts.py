"""Artifacts leave a job with their digests and the bundles that attest them, each its own."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grace.adapters.attestations.bundles import Bundles
from grace.ci import context, piece
from grace.ci.artifacts import MAX_FILE, attested
from grace.ci.cli import app
from grace.ci.context import RunContext
from grace.ci.errors import ResultsInvalid
from grace.ci.piece import Piece, read_all
from grace.domain.results import ArtifactReport
from support.sigstore_authority import Authority

AUTHORITY = Authority()
HEAD, TREE = "a" * 40, "b" * 40
WHEEL, SOURCE = hashlib.sha256(b"wheel").hexdigest(), hashlib.sha256(b"source").hexdigest()
BOTH = AUTHORITY.provenance({"mesh.whl": WHEEL, "mesh.tar.gz": SOURCE})


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with two artifacts, and one bundle about both beside it."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/mesh.whl").write_bytes(b"wheel")
    (tmp_path / "dist/mesh.tar.gz").write_bytes(b"source")
    (tmp_path / "bundle.json").write_text(BOTH)
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(app, ["artifacts", *args])


def wrong(*patterns: str, bundle: str = "bundle.json", root: Path) -> ResultsInvalid:
    with pytest.raises(ResultsInvalid) as raised:
        attested(patterns, [bundle], root)
    return raised.value


def test_one_bundle_serves_all_artifacts_that_it_names(dist):
    found = attested(["dist/*.whl", "dist/mesh.tar.gz", "dist/*"], ["bundle.json"], dist)
    assert [(each.name, each.sha256) for each in found] == [
        ("dist/mesh.whl", WHEEL),
        ("dist/mesh.tar.gz", SOURCE),
    ]
    assert {each.bundle for each in found} == {
        json.dumps(json.loads(BOTH), separators=(",", ":"), ensure_ascii=False)
    }


def test_each_artifact_gets_its_own_bundle_and_provenance_before_a_signature(dist):
    signed = AUTHORITY.signature(b"wheel")
    other = AUTHORITY.provenance({"x": WHEEL}, predicate="https://in-toto.io/attestation/scai/v0.2")
    wheel, source = (AUTHORITY.provenance({"x": each}) for each in (WHEEL, SOURCE))
    (dist / "a.json").write_text(json.dumps(json.loads(signed), indent=2))
    (dist / "b.jsonl").write_text(f'{other}\n{{"of": "another kind"}}\n\n{source}\n{wheel}\n')
    found = attested(["dist/*"], ["[ab].json*"], dist)
    chosen = {each.name: json.loads(each.bundle) for each in found}
    assert chosen == {"dist/mesh.whl": json.loads(wheel), "dist/mesh.tar.gz": json.loads(source)}
    (only,) = attested(["dist/mesh.whl"], ["a.json"], dist)
    assert json.loads(only.bundle) == json.loads(signed)


def test_what_leaves_is_what_verifies(dist, tmp_path):
    (tmp_path / "root.json").write_text(AUTHORITY.trusted_root())
    verifier = Bundles(tmp_path / "root.json")
    assert [
        verifier.check(each).problem for each in attested(["dist/*"], ["bundle.json"], dist)
    ] == ["", ""]


def test_a_path_may_have_the_signs_of_a_pattern_or_lie_elsewhere(dist, tmp_path_factory):
    (dist / "dist/mesh[1].whl").write_bytes(b"wheel")
    away = tmp_path_factory.mktemp("away")
    (away / "mesh.whl").write_bytes(b"wheel")
    wanted = [
        "dist/mesh[1].whl",
        f"{away}/*.whl",
        f"{dist}/dist/mesh.whl",
        "./dist/../dist/mesh.tar.gz",
    ]
    names = [each.name for each in attested(wanted, [str(dist / "bundle.json")], dist)]
    assert names == ["dist/mesh[1].whl", "mesh.whl", "dist/mesh.whl", "dist/mesh.tar.gz"]


@pytest.mark.parametrize(
    "pattern", ["dist/*.zip", "dist", "", ".", "/", "a**b", "x\0y", "dist/mesh.whl/x", "x" * 300]
)
def test_a_pattern_that_names_no_file_is_an_error(dist, pattern):
    said = wrong(pattern, root=dist)
    assert str(said).startswith((f"no file matches {pattern}", f"{pattern} cannot be looked for"))
    assert "relative to the checkout" in said.advice


def test_an_artifact_that_nothing_attests_is_an_error(dist):
    (dist / "dist/mesh.whl").write_bytes(b"changed since")
    said = wrong("dist/mesh.whl", root=dist)
    sha256 = hashlib.sha256(b"changed since").hexdigest()
    assert str(said) == f"no bundle attests dist/mesh.whl (sha256:{sha256})"
    assert "attest-build-provenance" in said.advice


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", "no JSON", "\n\n", "[" * 50_000, b"\xff\xfe",
     '{"mediaType": "x", "dsseEnvelope": {"payload": "bm90IGEgc3RhdGVtZW50"}}',
     '{"mediaType": "x", "dsseEnvelope": {"payload": "no base64!"}}',
     BOTH + "\n{"],
)  # fmt: skip
def test_a_file_without_a_bundle_is_an_error(dist, text):
    (dist / "bundle.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert str(wrong("dist/*", root=dist)) == "bundle.json holds no sigstore bundle"


def test_a_signature_that_tells_no_digest_attests_nothing_that_can_be_found(dist):
    bare = json.loads(AUTHORITY.signature(b"wheel"))
    del bare["messageSignature"]["messageDigest"]
    (dist / "bundle.json").write_text(json.dumps(bare))
    assert "no bundle attests" in str(wrong("dist/*", root=dist))


def test_sizes_are_bounded(dist):
    subjects = {f"{n:064x}": f"{n:064x}" for n in range(600)}
    (dist / "bundle.json").write_text(AUTHORITY.provenance(subjects | {"mesh.whl": WHEEL}))
    assert "more than 100000 characters" in str(wrong("dist/mesh.whl", root=dist))
    for n in range(21):
        (dist / f"dist/{n}.bin").write_bytes(b"wheel")
    assert "there are 21 artifacts; a report holds 20" in str(wrong("dist/*.bin", root=dist))
    with (dist / "bundle.json").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    assert "bundle.json has more than" in str(wrong("dist/mesh.whl", root=dist))


def test_the_command_binds_them_to_the_commit_and_the_report_joins_them(checkout):
    (checkout / "dist").mkdir()
    (checkout / "dist/mesh.whl").write_bytes(b"wheel")
    (checkout / "dist/mesh.tar.gz").write_bytes(b"source")
    (checkout.parent / "bundle.json").write_text(BOTH)
    out = checkout.parent / "results/artifacts/artifacts.json"
    done = call(
        *(
            "--artifact",
            "dist/*.whl\n\n  dist/*.gz\n",
            "--bundle",
            "../bundle.json",
            "--out",
            str(out),
        )
    )
    assert (done.exit_code, done.output) == (
        0, f"dist/mesh.whl sha256:{WHEEL}\ndist/mesh.tar.gz sha256:{SOURCE}\n",
    )  # fmt: skip
    (only,) = read_all(out.parent)
    assert [each.name for each in only.artifacts] == ["dist/mesh.whl", "dist/mesh.tar.gz"]
    told = run(only.tested.head_sha)
    assert context.merge((only,), told, datetime.now(UTC)).artifacts == only.artifacts


def test_the_command_says_what_is_wrong_as_the_step_s_error(checkout):
    done = call("--artifact", "dist/*", "--bundle", "b.json", "--out", "o.json")
    assert done.exit_code == 1
    assert done.output.startswith("::error title=Artifacts::no file matches dist/*. Give paths")
    assert not (checkout / "o.json").exists()
    (checkout / "file").write_text("changed\n")
    assert (
        "the checkout differs" in call("--artifact", "file", "--bundle", "b", "--out", "o").output
    )


def run(head: str) -> RunContext:
    return RunContext(
        repository="acme/mesh",
        workflow="ci.yml",
        run_id=1,
        run_attempt=1,
        head_sha=head,
        base_sha=HEAD,
    )


def test_an_artifact_is_not_reported_twice():
    one = ArtifactReport(name="dist/mesh.whl", sha256=WHEEL, bundle=BOTH)
    pieces = tuple(
        Piece(tested=piece.Tested(head_sha=HEAD, tree=TREE), artifacts=(each,))
        for each in (one, one.model_copy(update={"sha256": SOURCE}))
    )
    with pytest.raises(ResultsInvalid, match=r"artifact dist/mesh\.whl was reported twice"):
        context.merge(pieces, run(HEAD), datetime.now(UTC))
