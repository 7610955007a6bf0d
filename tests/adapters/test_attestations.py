"""A bundle is believed only whole: its certificate, logs, signature and digest, with no network."""

import copy
import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.adapters.attestations import embedded_root
from grace.adapters.attestations.bundles import Bundles
from grace.domain.governance_events import AttestedArtifact
from grace.domain.results import ArtifactReport
from support.examples import examples
from support.sigstore_authority import (
    GITHUB,
    NOW,
    RELEASE,
    Authority,
    Signer,
    b64,
    change,
    other_logs,
    put,
)

WORLD = Path(__file__).parent / "attested"
CODE = b"a wheel"
SHA256 = hashlib.sha256(CODE).hexdigest()
OTHER = hashlib.sha256(b"another wheel").hexdigest()
BEACON = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
SHARED = "https://github.com/github/artifact-attestations-workflows/.github/workflows/attest.yml"
PUBLIC = {
    "v0.1-signature": (
        "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf",
        BEACON,
    ),
    "v0.2-signature": (
        "c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201",
        "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
    ),
    "v0.3-provenance": (
        "49a3aa6075e0f49f82843e74b5baa614ad2a588e6675612bf108a0a008c5ac25",
        f"{SHARED}@09b495c3f12c7881b3cc17209a327792065c1a1d",
    ),
}
AUTHORITY = Authority()


def report(bundle: str, sha256: str = SHA256, name: str = "dist/mesh.whl") -> ArtifactReport:
    return ArtifactReport(name=name, sha256=sha256, bundle=bundle)


def world(name: str) -> str:
    return (WORLD / f"{name}.json").read_text()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "trusted_root.json"
    path.write_text(AUTHORITY.trusted_root())
    return path


@pytest.fixture(scope="module")
def ours(root: Path) -> Bundles:
    return Bundles(root)


@pytest.fixture(scope="module")
def public() -> Bundles:
    return Bundles(embedded_root())


# What is good.


@pytest.mark.parametrize("name", PUBLIC)
def test_a_bundle_of_the_public_instance_verifies_by_the_embedded_root(public, name):
    sha256, identity = PUBLIC[name]
    found = public.check(report(world(name), sha256))
    assert (found.problem, found.identity, found.issuer) == ("", identity, GITHUB)
    assert (found.name, found.sha256) == ("dist/mesh.whl", sha256)


def test_who_signed_and_whose_code_it_was_are_told_apart(public):
    found = public.check(report(world("v0.3-provenance"), PUBLIC["v0.3-provenance"][0]))
    assert found.identity.startswith("https://github.com/github/artifact-attestations-workflows/")
    assert found.repository == "https://github.com/malancas/attest-demo"
    assert (found.ref, found.commit) == (
        "refs/heads/main",
        "95baf27389e83e6a5c48f42e190d48d7abcea19e",
    )


def test_a_bundle_with_a_timestamp_of_an_authority_verifies_by_the_root_of_its_instance():
    staging = str(embedded_root()).replace("sigstore.dev", "sigstage.dev")
    found = Bundles(Path(staging)).check(
        report(world("v0.3-timestamped"), PUBLIC["v0.1-signature"][0])
    )
    assert (found.problem, found.identity.partition("/.github")[0]) == (
        "",
        "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon",
    )


def test_an_envelope_may_speak_of_several_artifacts_and_a_signature_of_one(ours):
    both = AUTHORITY.provenance({"dist/a": OTHER, "dist/b": SHA256})
    assert ours.check(report(both)) == AttestedArtifact(
        name="dist/mesh.whl",
        sha256=SHA256,
        identity=RELEASE,
        issuer=GITHUB,
        repository="https://github.com/acme/mesh",
        ref="refs/heads/main",
        commit="c" * 40,
    )
    assert ours.check(report(both, OTHER)).problem == ""
    assert ours.check(report(AUTHORITY.signature(CODE))).problem == ""


def test_a_person_signs_with_an_address_and_no_workflow(ours):
    signer = Signer(
        names=(x509.RFC822Name("ana@example.com"),),
        issuer="",
        old_issuer="https://accounts.example.com",
        repository="",
        ref="",
        commit="",
    )
    found = ours.check(report(AUTHORITY.signature(CODE, signer=signer)))
    assert (found.problem, found.identity) == ("", "ana@example.com")
    assert (found.issuer, found.repository) == ("https://accounts.example.com", "")


# Bundles that others signed and somebody changed.


def entry(bundle: dict[str, Any]) -> dict[str, Any]:
    return bundle["verificationMaterial"]["tlogEntries"][0]


def swap(*path: str, of: str) -> Callable[[dict[str, Any]], None]:
    """Put in what another bundle has there."""

    def edit(bundle: dict[str, Any]) -> None:
        here, there = bundle, json.loads(of)
        for step in path[:-1]:
            here, there = here[step], there[step]
        here[path[-1]] = there[path[-1]]

    return edit


def about(sha256: str) -> str:
    """Return the payload of a statement about an artifact, as base64."""
    return json.loads(AUTHORITY.provenance({"a": sha256}))["dsseEnvelope"]["payload"]


TWIN = AUTHORITY.provenance({"dist/mesh.whl": SHA256})
MATERIAL = "verificationMaterial"
LOG = (MATERIAL, "tlogEntries", 0)
CHANGES = {
    "a cut signature": (
        lambda b: put(b["dsseEnvelope"]["signatures"][0]["sig"][:-8], "dsseEnvelope", "signatures", 0, "sig")(b),
        "invalid signature",
    ),
    "no signature": (put([], "dsseEnvelope", "signatures"), "cannot be read"),
    "another's signature": (swap("dsseEnvelope", of=TWIN), "invalid signature"),
    "another's certificate": (swap(MATERIAL, "certificate", of=TWIN), "signature"),
    "another's log entry": (swap(MATERIAL, "tlogEntries", of=TWIN), "does not match"),
    "all but the content of another": (swap(MATERIAL, of=TWIN), "signature"),
    "a payload put in": (put(about(OTHER), "dsseEnvelope", "payload"), "invalid signature"),
    "another payload type": (put("text/plain", "dsseEnvelope", "payloadType"), "invalid signature"),
    "a later time": (put(str(int(NOW.timestamp()) + 60), *LOG, "integratedTime"), "inclusion promise"),
    "no promise and so no time": (lambda b: entry(b).pop("inclusionPromise"), "must contain an inclusion promise"),
    "another place in the log": (put("0", *LOG, "inclusionProof", "logIndex"), "root hash"),
    "a hash of another tree": (put([b64(b"x" * 32)], *LOG, "inclusionProof", "hashes"), "root hash"),
    "no inclusion proof": (lambda b: entry(b).pop("inclusionProof"), "cannot be read"),
    "a checkpoint of another log": (
        lambda b: put(
            entry(b)["inclusionProof"]["checkpoint"]["envelope"].replace("rekor.test - 1", "rekor.test - 2"),
            *LOG, "inclusionProof", "checkpoint", "envelope",
        )(b),
        "checkpoint",
    ),
    "two log entries": (lambda b: b[MATERIAL]["tlogEntries"].append(entry(b)), "exactly one log entry"),
    "no log entry": (put([], MATERIAL, "tlogEntries"), "no entry in a transparency log"),
    "an unknown format": (put("application/json", "mediaType"), "see mediaType"),
    "an unknown key": (put(1, "extra"), "cannot be read: see extra"),
    "a signature beside the envelope that was signed": (
        lambda b: (b.pop("dsseEnvelope"), swap("messageSignature", of=AUTHORITY.signature(CODE))(b)),
        "ignature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_bundle_is_refused(ours, what):
    good = AUTHORITY.provenance({"dist/mesh.whl": SHA256, "dist/x": OTHER})
    assert ours.check(report(good)).problem == ""
    edit, why = CHANGES[what]
    found = ours.check(report(change(good, edit)))
    assert why in found.problem
    assert (found.identity, found.issuer, found.repository) == ("", "", "")


@pytest.mark.parametrize("name", PUBLIC)
def test_a_real_bundle_proves_no_other_artifact_and_nothing_by_another_root(public, ours, name):
    sha256, _ = PUBLIC[name]
    assert public.check(report(world(name), OTHER)).problem
    assert "does not verify" in ours.check(report(world(name), sha256)).problem
    short = world(name)[: len(world(name)) // 2]
    assert "cannot be read" in public.check(report(short, sha256)).problem


@pytest.mark.parametrize(
    ("digest", "bundle", "why"),
    [
        (OTHER, AUTHORITY.provenance({"dist/mesh.whl": SHA256}), "no subject has this SHA-256"),
        (OTHER, AUTHORITY.signature(CODE), "digest mismatch"),
        (SHA256, AUTHORITY.provenance({"dist/mesh.whl": SHA256.upper()}), "no subject"),
    ],
)
def test_another_digest_is_another_artifact(ours, digest, bundle, why):
    assert why in ours.check(report(bundle, digest)).problem


def test_a_plain_signature_s_stated_digest_may_be_left_out_but_not_swapped(ours):
    good = AUTHORITY.signature(CODE)
    bare = change(good, lambda b: b["messageSignature"].pop("messageDigest"))
    assert ours.check(report(bare)).problem == ""
    assert "Signature is invalid" in ours.check(report(bare, OTHER)).problem
    swapped = change(
        good, put(b64(bytes.fromhex(OTHER)), "messageSignature", "messageDigest", "digest")
    )
    assert "Signature is invalid" in ours.check(report(swapped, OTHER)).problem


def leaves(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(found, dict | list):
        steps = found.items() if isinstance(found, dict) else enumerate(found)
        return [leaf for key, value in steps for leaf in leaves(value, (*path, key))]
    return [path]


GOOD = json.loads(AUTHORITY.provenance({"dist/mesh.whl": SHA256}))


@settings(max_examples=examples(150))
@given(data=st.data())
def test_whatever_is_changed_nobody_else_is_named_and_nothing_is_raised(ours, data):
    bundle = copy.deepcopy(GOOD)
    path = data.draw(st.sampled_from(leaves(bundle)))
    *steps, last = path
    here: Any = bundle
    for step in steps:
        here = here[step]
    old = str(here[last])
    at = data.draw(st.integers(0, len(old) - 1))
    put_in = data.draw(st.sampled_from(["", "A", "0", "=", "\n", "é", old]))
    here[last] = data.draw(st.sampled_from([old[:at] + put_in + old[at + 1 :], None, 7, [], {}]))
    found = ours.check(report(json.dumps(bundle)))
    assert found.problem or (found.identity, found.issuer, found.commit) == (
        RELEASE,
        GITHUB,
        "c" * 40,
    )
    assert ours.check(report(json.dumps(bundle), OTHER)).problem


# Bundles that were made wrong, or by somebody whom nobody knows.


OLD = Authority(since=NOW - timedelta(days=30), until=NOW - timedelta(days=1))
TWO = Signer(names=(x509.UniformResourceIdentifier(RELEASE), x509.RFC822Name("eve@example.com")))
SERVER = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
SUBJECT = {"dist/mesh.whl": SHA256}
MADE = {
    "an unknown authority": (Authority().provenance(SUBJECT), "certificate"),
    "unknown logs": (other_logs(AUTHORITY).provenance(SUBJECT), "SCT"),
    "no certificate log": (AUTHORITY.provenance(SUBJECT, timestamped=False), "SCT"),
    "after the certificate's end": (
        AUTHORITY.provenance(SUBJECT, logged_after=timedelta(minutes=11)), "certificate",
    ),
    "before its beginning": (
        AUTHORITY.provenance(SUBJECT, logged_after=timedelta(minutes=-1)), "certificate",
    ),
    "a certificate for servers": (AUTHORITY.provenance(SUBJECT, usage=SERVER), "code signing"),
    "two holders": (AUTHORITY.provenance(SUBJECT, signer=TWO), "not one address or workflow"),
    "no issuer": (AUTHORITY.provenance(SUBJECT, signer=Signer(issuer="")), "OIDC issuer"),
    "a holder that is not plain text": (
        AUTHORITY.provenance(SUBJECT, signer=Signer(ref="refs/heads/\u202emain")), "plain text",
    ),
    "a holder of a long name": (
        AUTHORITY.provenance(SUBJECT, signer=Signer(identity="https://a.test/" + "a" * 500)), "plain text",
    ),
    "a verdict instead of provenance": (
        AUTHORITY.provenance(SUBJECT, predicate="https://in-toto.io/attestation/test-result/v0.1"),
        "not SLSA provenance but https://in-toto.io/attestation/test-result/v0.1",
    ),
    "a predicate of many words": (
        AUTHORITY.provenance(SUBJECT, predicate="\u202e\nword" * 400), "not SLSA provenance but word word",
    ),
    "a statement of no known type": (
        AUTHORITY.provenance(SUBJECT, statement="https://in-toto.io/Statement/v9"), "not an in-toto statement",
    ),
    "a statement without subjects": (AUTHORITY.provenance({}), "no subject"),
    "a payload that is no statement": (AUTHORITY.envelope(SHA256.encode()), "not an in-toto statement"),
    "a payload of another type": (
        AUTHORITY.envelope(b64decode(about(SHA256)), kind="text/plain"), "no in-toto statement",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", MADE)
def test_a_bundle_of_this_kind_is_refused(ours, what):
    bundle, why = MADE[what]
    found = ours.check(report(bundle))
    assert why in found.problem
    assert (found.identity, found.issuer) == ("", "")
    assert found.problem.isprintable()
    assert len(found.problem) < 400


def test_an_authority_that_had_expired_when_it_signed_proves_nothing(tmp_path):
    path = tmp_path / "root.json"
    path.write_text(OLD.trusted_root())
    bundles = Bundles(path)
    assert "certificate" in bundles.check(report(OLD.provenance(SUBJECT))).problem
    before = OLD.provenance(SUBJECT, at=NOW - timedelta(days=2))
    assert bundles.check(report(before)).problem == ""


def test_a_bundle_without_a_log_is_refused_with_the_reason(public):
    sha256 = "ae57936def59bc4c75edd3a837d89bcefc6d3a5e31d55a6fa7a71624f92c3c3b"
    found = public.check(report(world("v0.3-unlogged"), sha256))
    assert "no entry in a transparency log; GitHub signs without one" in found.problem
