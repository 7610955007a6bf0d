"""Ways around what build artifacts must prove, each refused beside an honest twin."""

import pytest

from grace.domain.events import AttestedArtifact
from grace.domain.results import ArtifactReport
from grace.domain.verdict import Result
from support.cases import HEAD, assert_refused, ready, row
from support.world import sha

FAIL, WAIT, NO_DATA = Result.FAIL, Result.PENDING, Result.NO_DATA
READY = ready()

SIGNER = "https://github.com/acme/mesh/.github/workflows/ci.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
DIGEST = "d" * 64
WHEEL = ArtifactReport(name="dist/mesh.whl", sha256=DIGEST, bundle="{}")
SIGNED = AttestedArtifact(name=WHEEL.name, sha256=DIGEST, identity=SIGNER, issuer=ISSUER)
WANTED = {
    "artifacts": ["dist/*.whl"],
    "identity": "https://github.com/acme/mesh/*",
    "issuer": ISSUER,
}


def attested(*found, reported=(WHEEL,), identity=WANTED["identity"]):
    matter = READY.rule(attestations={**WANTED, "identity": identity})
    return matter.reported(artifacts=reported).knows(attested={HEAD: found})


def signed(**changes):
    return attested(SIGNED.model_copy(update=changes))


HERE = "https://forge.test/Acme/mesh/"
EVIL = "https://github.com/acme/mesh.evil/.github/workflows/ci.yml@refs/heads/main"

ARTIFACTS = [
    row("another digest", signed(), signed(sha256="e" * 64), NO_DATA, "no bundle of this digest"),
    row("a neighbour's name", signed(), signed(identity=EVIL), FAIL, f"signed by {EVIL}"),
    row(
        *("more than the whole name", attested(SIGNED, identity=SIGNER)),
        attested(SIGNED.model_copy(update={"identity": SIGNER + "x"}), identity=SIGNER),
        *(FAIL, f"signed by {SIGNER}x"),
    ),
    row("another issuer", signed(), signed(issuer="https://evil"), FAIL, "(https://evil), not by"),
    row("a bad bundle", signed(), signed(problem="no log entry"), FAIL, "mesh.whl: no log entry"),
    row("nobody", signed(), signed(identity="", issuer=""), FAIL, "signed by  (), not by"),
    row(
        "unverified", signed(), signed().knows(attested={}), WAIT, "the bundles are being verified"
    ),
    row(
        *("of another repository", signed(repository=HERE)),
        *(
            signed(repository="https://forge.test/acme/mesh2"),
            FAIL,
            "was built in https://forge.te",
        ),
    ),
    row(
        *("of another pull request", signed(ref="refs/pull/2/merge")),
        *(signed(ref="refs/pull/22/merge"), FAIL, "mesh.whl: was built for refs/pull/22/merge"),
    ),
    row(
        *("of another commit", signed(commit=HEAD)),
        *(signed(commit=sha("older")), FAIL, f"was built of {sha('older')[:10]}"),
    ),
    row("none verified", signed(), attested(), NO_DATA, "no bundle of this digest was verified"),
    row("verified twice", signed(), attested(SIGNED, SIGNED), NO_DATA, "no bundle of this digest"),
    row(
        "no artifact", signed(), attested(reported=()), NO_DATA, "CI reported no artifact of dist/"
    ),
    row(
        *("an artifact of another name", signed()),
        attested(SIGNED, reported=(WHEEL.model_copy(update={"name": "dist/mesh.zip"}),)),
        *(NO_DATA, "CI reported no artifact of dist/*.whl"),
    ),
    row(
        *("two of one name", signed()),
        attested(SIGNED, reported=(WHEEL, WHEEL.model_copy(update={"sha256": "e" * 64}))),
        *(NO_DATA, "no bundle of this digest"),
    ),
    row(
        "artifacts unreported",
        signed(),
        signed().knows(reports={}),
        WAIT,
        "attestations: no report",
    ),
]


@pytest.mark.parametrize(("honest", "attacked", "result", "words"), ARTIFACTS)
def test_nobody_gets_around_attestations(honest, attacked, result, words):
    assert_refused(honest, attacked, result, words)
