"""What a sigstore bundle proves of an artifact, by the library's own verification.

Sources: sigstore's bundle and client specifications; in-toto attestation framework v1 (statement),
DSSE v1 (envelope); Fulcio's OID registry (extensions of the certificate).
"""

import json
from pathlib import Path
from typing import Annotated, Final, Literal

import structlog
from cryptography.hazmat import asn1
from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnrecognizedExtension,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sigstore.errors import Error, VerificationError
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm

from grace.adapters.attestations.verifier import TrustedRootInvalid
from grace.domain.governance_events import AttestedArtifact
from grace.domain.results import ArtifactReport

MAX_BUNDLE: Final = 100_000
PROVENANCE: Final = frozenset(
    {"https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"}
)

_IN_TOTO: Final = "application/vnd.in-toto+json"
_MAX_TEXT: Final = 500
_MAX_PROBLEM: Final = 300
_ARC: Final = "1.3.6.1.4.1.57264.1."
_ISSUER: Final = ObjectIdentifier(_ARC + "8")
_OLD_ISSUER: Final = ObjectIdentifier(_ARC + "1")
_REPOSITORY: Final = ObjectIdentifier(_ARC + "12")
_COMMIT: Final = ObjectIdentifier(_ARC + "13")
_REF: Final = ObjectIdentifier(_ARC + "14")


class _Refused(Exception):
    """A bundle that proves nothing of the artifact; the text is for people."""


class _AnySigner:
    """Ask nothing of the certificate's names: who may sign is policy, decided elsewhere."""

    def verify(self, cert: Certificate) -> None:
        """Accept; `_signed_by` tells who it was."""


class _Subject(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    digest: dict[str, str]


class _Statement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    type_: Annotated[
        Literal["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"],
        Field(alias="_type"),
    ]
    subject: list[_Subject]
    predicate_type: Annotated[str, Field(alias="predicateType")]


class Bundles:
    """Check artifacts against one trusted root; raises `TrustedRootInvalid` for a bad one."""

    def __init__(self, root: Path) -> None:
        try:
            self._verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root)))
        except (OSError, ValueError, Error) as error:
            raise TrustedRootInvalid(
                f"the trusted root {root.name} cannot be read: {_line(error)}"
            ) from error

    def check(self, artifact: ArtifactReport) -> AttestedArtifact:
        """Verify one bundle; never raises."""
        answer = AttestedArtifact(name=artifact.name, sha256=artifact.sha256)
        try:
            return answer.model_copy(update=self._signer(artifact))
        except _Refused as error:
            problem = str(error)
        except VerificationError as error:
            problem = f"the bundle does not verify: {_line(error)}"
        except (Error, ValueError, RecursionError) as error:
            problem = f"the bundle cannot be read: {_line(error)}"
        except BaseException as error:  # noqa: BLE001 - strangers' bytes; a parser's panic is no Exception
            structlog.get_logger("attestations").warning(
                "bundle_broke_the_parser", artifact=artifact.name, exc_info=error
            )
            problem = f"the bundle cannot be read ({type(error).__name__})"
        return answer.model_copy(update={"problem": problem})

    def _signer(self, artifact: ArtifactReport) -> dict[str, str]:
        # 1. It is a bundle, of bounded size, from an instance that logs what it signs.
        if len(artifact.bundle) > MAX_BUNDLE:
            raise _Refused(f"the bundle has more than {MAX_BUNDLE} characters")
        enveloped = _is_enveloped(artifact.bundle)
        bundle = Bundle.from_json(artifact.bundle)
        # 2. Chain, SCT, log entry and signature are good, and it is this digest that was signed.
        if enveloped:
            kind, payload = self._verifier.verify_dsse(bundle, _AnySigner())
            _require_subject(kind, payload, artifact.sha256)
        else:
            digest = Hashed(digest=bytes.fromhex(artifact.sha256), algorithm=HashAlgorithm.SHA2_256)
            self._verifier.verify_artifact(digest, bundle, _AnySigner())
        # 3. The certificate, good by now, says who signed.
        return _signed_by(bundle.signing_certificate)


def _is_enveloped(text: str) -> bool:
    """Tell an envelope with a statement from a plain signature; refuse what is neither."""
    found: object = json.loads(text)
    if not isinstance(found, dict):
        raise _Refused("the bundle is not a JSON object")
    material = found.get("verificationMaterial")
    if isinstance(material, dict) and not material.get("tlogEntries"):
        raise _Refused(
            "the bundle has no entry in a transparency log; GitHub signs without one for "
            "repositories that are not public, and that is not accepted"
        )
    return "dsseEnvelope" in found


def _require_subject(kind: str, payload: bytes, sha256: str) -> None:
    """Refuse a statement that is no provenance, or speaks of other artifacts."""
    if kind != _IN_TOTO:
        raise _Refused("the envelope holds no in-toto statement")
    try:
        statement = _Statement.model_validate_json(payload)
    except ValidationError as error:
        raise _Refused("the envelope's payload is not an in-toto statement") from error
    if statement.predicate_type not in PROVENANCE:
        raise _Refused(
            f"the statement is not SLSA provenance but {_line(statement.predicate_type)}"
        )
    if all(subject.digest.get("sha256") != sha256 for subject in statement.subject):
        raise _Refused("the statement is about other artifacts: no subject has this SHA-256")


def _signed_by(certificate: Certificate) -> dict[str, str]:
    issuer = _extension(certificate, _ISSUER) or _old_issuer(certificate)
    if not issuer:
        raise _Refused("the certificate does not say who vouched for its holder (OIDC issuer)")
    return {
        "identity": _identity(certificate),
        "issuer": issuer,
        "repository": _extension(certificate, _REPOSITORY),
        "ref": _extension(certificate, _REF),
        "commit": _extension(certificate, _COMMIT),
    }


def _identity(certificate: Certificate) -> str:
    names = list(certificate.extensions.get_extension_for_class(SubjectAlternativeName).value)
    match names:
        case [UniformResourceIdentifier(value=name)] | [RFC822Name(value=name)]:
            return _plain(name)
        case _:
            raise _Refused("the certificate's holder is not one address or workflow")


def _extension(certificate: Certificate, oid: ObjectIdentifier) -> str:
    """Return a DER UTF8String; empty where the certificate has none."""
    value = _raw(certificate, oid)
    return "" if value is None else _plain(asn1.decode_der(str, value))


def _old_issuer(certificate: Certificate) -> str:
    """Return the issuer as certificates had it before 2023, in bare bytes."""
    return _plain((_raw(certificate, _OLD_ISSUER) or b"").decode())


def _raw(certificate: Certificate, oid: ObjectIdentifier) -> bytes | None:
    try:
        found = certificate.extensions.get_extension_for_oid(oid).value
    except ExtensionNotFound:
        return None
    assert isinstance(found, UnrecognizedExtension)
    return found.value


def _plain(text: str) -> str:
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise _Refused("the certificate names its holder in characters that are not plain text")
    return text


def _line(said: object) -> str:
    """Return what a library said, or a stranger through it, as one short line."""
    told = said.__context__ if isinstance(said, Error) else said
    if isinstance(told, ValidationError):
        places = (".".join(str(step) for step in each["loc"]) for each in told.errors())
        said = "see " + (", ".join(dict.fromkeys(filter(None, places))) or "its JSON")
    text = "".join(each if each.isprintable() else " " for each in str(said))
    return " ".join(text.split())[:_MAX_PROBLEM]
