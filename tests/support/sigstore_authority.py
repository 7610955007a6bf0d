"""A sigstore of our own: a certificate authority, a certificate log and a transparency log.

It signs as whoever the test wants, in the way of a public instance: a short-lived certificate with
a signed certificate timestamp, and an entry with promise, inclusion proof and signed checkpoint.
Sources: RFC 6962 (timestamps, Merkle trees), Rekor's entry types, C2SP signed notes.
"""

import hashlib
import json
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

GITHUB = "https://token.actions.githubusercontent.com"
RELEASE = "https://github.com/acme/mesh/.github/workflows/release.yml@refs/heads/main"
IN_TOTO = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

_ARC = "1.3.6.1.4.1.57264.1."
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_CODE_SIGNING = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING])
_ECDSA = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Signer:
    """Whom a certificate names; `repository`, `ref` and `commit` empty: none is named."""

    identity: str = RELEASE
    issuer: str = GITHUB
    repository: str = "https://github.com/acme/mesh"
    ref: str = "refs/heads/main"
    commit: str = "c" * 40
    names: tuple[x509.GeneralName, ...] = ()
    old_issuer: str = ""

    def extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        names = self.names or (x509.UniformResourceIdentifier(self.identity),)
        told = {"8": self.issuer, "12": self.repository, "13": self.commit, "14": self.ref}
        found: list[tuple[x509.ExtensionType, bool]] = [(x509.SubjectAlternativeName(names), True)]
        found += [(_own(arc, asn1.encode_der(text)), False) for arc, text in told.items() if text]
        if self.old_issuer:
            found.append((_own("1", self.old_issuer.encode()), False))
        return found


def _own(arc: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(_ARC + arc), value)


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(spki(key)).digest()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Authority:
    """An instance, and the trusted root by which the world knows it."""

    ca: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    certificate_log: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    since: datetime = NOW - timedelta(days=365)
    until: datetime = NOW + timedelta(days=3650)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        usage = [False] * 9
        usage[5] = usage[6] = True
        self.root = (
            x509.CertificateBuilder(name, name, self.ca.public_key(), x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.until)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(*usage), critical=True)
            .add_extension(self._ca_id(), critical=False)
            .sign(self.ca, hashes.SHA256())
        )

    def _ca_id(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self.ca.public_key())

    def trusted_root(self) -> str:
        """Return what a verifier has to know, as `trusted_root.json`."""
        valid = {"start": _stamp(self.since)}

        def log(key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
            public = {
                "rawBytes": b64(spki(key)),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": valid,
            }
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": public,
                "logId": {"keyId": b64(key_id(key))},
            }

        authority = {
            "subject": {"organization": "test", "commonName": "test authority"},
            "uri": "https://fulcio.test",
            "certChain": {
                "certificates": [{"rawBytes": b64(self.root.public_bytes(Encoding.DER))}]
            },
            "validFor": valid,
        }
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [log(self.log, "https://rekor.test")],
                "certificateAuthorities": [authority],
                "ctlogs": [log(self.certificate_log, "https://ct.test")],
                "timestampAuthorities": [],
            }
        )

    def provenance(self, subjects: Mapping[str, str], **changes: Any) -> str:
        """Attest artifacts (name to SHA-256) by a statement in an envelope, as a JSON bundle."""
        told = {
            "_type": changes.pop("statement", STATEMENT),
            "subject": [{"name": n, "digest": {"sha256": d}} for n, d in subjects.items()],
            "predicateType": changes.pop("predicate", PROVENANCE),
            "predicate": {"buildDefinition": {"buildType": "test"}},
        }
        return self.envelope(json.dumps(told).encode(), **changes)

    def envelope(self, payload: bytes, *, kind: str = IN_TOTO, **changes: Any) -> str:
        """Sign any payload in an envelope (DSSE), as a JSON bundle."""
        act = _Act(self, **changes)
        pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        signature = act.key.sign(pae, _ECDSA)
        sealed = {
            "payload": b64(payload),
            "payloadType": kind,
            "signatures": [{"sig": b64(signature)}],
        }
        spec = {
            "envelopeHash": _hash(json.dumps(sealed).encode()),
            "payloadHash": _hash(payload),
            "signatures": [{"signature": b64(signature), "verifier": act.pem()}],
        }
        return act.bundle("dsse", spec, {"dsseEnvelope": sealed})

    def signature(self, artifact: bytes, **changes: Any) -> str:
        """Sign an artifact plainly, as a JSON bundle."""
        act = _Act(self, **changes)
        signature = act.key.sign(artifact, _ECDSA)
        spec = {
            "data": {"hash": _hash(artifact)},
            "signature": {"content": b64(signature), "publicKey": {"content": act.pem()}},
        }
        digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(artifact).digest())}
        content = {"messageDigest": digest, "signature": b64(signature)}
        return act.bundle("hashedrekord", spec, {"messageSignature": content})


@dataclass
class _Act:
    """One act of signing: a key for ten minutes and its certificate."""

    authority: Authority
    signer: Signer = field(default_factory=Signer)
    at: datetime = NOW
    logged_after: timedelta = timedelta(seconds=2)
    usage: x509.ExtendedKeyUsage = _CODE_SIGNING
    timestamped: bool = True

    def __post_init__(self) -> None:
        self.key = new_key()
        self.certificate = self._certificate()

    def pem(self) -> str:
        return b64(self.certificate.public_bytes(Encoding.PEM))

    def _certificate(self) -> x509.Certificate:
        ca = self.authority.ca
        only_signing = x509.KeyUsage(True, *[False] * 8)
        builder = (
            x509.CertificateBuilder(
                self.authority.root.subject,
                x509.Name([]),
                self.key.public_key(),
                x509.random_serial_number(),
            )
            .not_valid_before(self.at)
            .not_valid_after(self.at + timedelta(minutes=10))
            .add_extension(only_signing, critical=True)
            .add_extension(self.usage, critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    self.authority._ca_id()
                ),
                critical=False,
            )
        )
        for extension, critical in self.signer.extensions():
            builder = builder.add_extension(extension, critical=critical)
        if not self.timestamped:
            return builder.sign(ca, hashes.SHA256())
        covered = builder.sign(ca, hashes.SHA256()).tbs_certificate_bytes
        listed = x509.UnrecognizedExtension(_SCT_LIST, asn1.encode_der(self._timestamps(covered)))
        return builder.add_extension(listed, critical=False).sign(ca, hashes.SHA256())

    def _timestamps(self, covered: bytes) -> bytes:
        """Return a list of one signed certificate timestamp (RFC 6962, 3.2 and 3.3)."""
        log = self.authority.certificate_log
        when = int(self.at.timestamp() * 1000)
        entry = key_id(self.authority.ca) + len(covered).to_bytes(3) + covered
        signature = log.sign(struct.pack("!BBQH", 0, 0, when, 1) + entry + b"\0\0", _ECDSA)
        one = struct.pack("!B32sQHBBH", 0, key_id(log), when, 0, 4, 3, len(signature)) + signature
        return struct.pack("!HH", len(one) + 2, len(one)) + one

    def bundle(self, kind: str, spec: Mapping[str, Any], content: Mapping[str, Any]) -> str:
        body = rfc8785.dumps({"apiVersion": "0.0.1", "kind": kind, "spec": dict(spec)})
        material = {
            "certificate": {"rawBytes": b64(self.certificate.public_bytes(Encoding.DER))},
            "tlogEntries": [self._entry(kind, body)],
        }
        media = "application/vnd.dev.sigstore.bundle.v0.3+json"
        return json.dumps({"mediaType": media, "verificationMaterial": material, **content})

    def _entry(self, kind: str, body: bytes) -> dict[str, Any]:
        log, index = self.authority.log, 6
        leaf = hashlib.sha256(b"\0" + body).digest()
        beside = hashlib.sha256(b"\0the entry before").digest()
        root = hashlib.sha256(b"\1" + beside + leaf).digest()
        seconds = int((self.at + self.logged_after).timestamp())
        promised = {
            "body": b64(body),
            "integratedTime": seconds,
            "logID": key_id(log).hex(),
            "logIndex": index,
        }
        note = f"rekor.test - 1\n2\n{b64(root)}\n"
        signed = b64(key_id(log)[:4] + log.sign(note.encode(), _ECDSA))
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(key_id(log))},
            "kindVersion": {"kind": kind, "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {
                "signedEntryTimestamp": b64(log.sign(rfc8785.dumps(promised), _ECDSA))
            },
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(beside)],
                "checkpoint": {"envelope": f"{note}\n\N{EM DASH} rekor.test {signed}\n"},
            },
            "canonicalizedBody": b64(body),
        }


def other_logs(authority: Authority) -> Authority:
    """Return an authority with the same certificates that nobody's logs know."""
    return replace(authority, certificate_log=new_key(), log=new_key())


def change(text: str, edit: Callable[[dict[str, Any]], None]) -> str:
    """Edit a JSON document."""
    found = json.loads(text)
    edit(found)
    return json.dumps(found)


def put(value: Any, *path: Any) -> Callable[[dict[str, Any]], None]:
    """Return the edit that puts a value in at a path."""

    def edit(bundle: dict[str, Any]) -> None:
        here: Any = bundle
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = value

    return edit


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
