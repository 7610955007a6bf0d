"""Build artifacts and the sigstore bundles that attest them, as a job has them on its disk.

What a bundle says is only read here, to find the one of each artifact; the bot verifies it.
Sources: in-toto attestation framework v1 ("bundle": JSON lines), sigstore's bundle format.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from grace.ci.errors import ResultsInvalid
from grace.domain.results import ArtifactReport

MAX_ARTIFACTS: Final = 20
MAX_BUNDLE: Final = 100_000
MAX_FILE: Final = 32 * 1024 * 1024

_PROVENANCE: Final = "https://slsa.dev/provenance/"
_ATTEST: Final = (
    "Attest it in a step before this one, such as with actions/attest-build-provenance, and give "
    "that step's bundle-path"
)
_PATTERNS: Final = "Give paths or patterns relative to the checkout, one a line"


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Envelope(_Lenient):
    payload: Base64Bytes


class _Digest(_Lenient):
    digest: Base64Bytes


class _Signature(_Lenient):
    digest: Annotated[_Digest | None, Field(alias="messageDigest")] = None


class _Bundle(_Lenient):
    media_type: Annotated[str, Field(alias="mediaType")]
    envelope: Annotated[_Envelope | None, Field(alias="dsseEnvelope")] = None
    signature: Annotated[_Signature | None, Field(alias="messageSignature")] = None

    def signed(self) -> frozenset[str]:
        """Return the digest of a plain signature, if it tells one."""
        told = self.signature.digest if self.signature else None
        return frozenset({told.digest.hex()} if told else ())


class _Subject(_Lenient):
    digest: dict[str, str]


class _Statement(_Lenient):
    subject: list[_Subject]
    predicate_type: Annotated[str, Field(alias="predicateType")]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bundle as it goes out, the SHA-256s that it speaks of, and whether it is provenance."""

    text: str
    digests: frozenset[str]
    provenance: bool


def attested(
    patterns: Sequence[str], bundles: Sequence[str], root: Path
) -> tuple[ArtifactReport, ...]:
    """Find the artifacts below `root` and the bundle of each, provenance before a signature.

    A bundle file holds one bundle, or one a line. Raises `ResultsInvalid` where a pattern matches
    nothing, or an artifact has no bundle.
    """
    paths = list(dict.fromkeys(path for each in patterns for path in _matching(each, root)))
    if len(paths) > MAX_ARTIFACTS:
        raise ResultsInvalid(
            f"there are {len(paths)} artifacts; a report holds {MAX_ARTIFACTS}",
            "Name those that the policy asks for",
        )
    files = dict.fromkeys(path for each in bundles for path in _matching(each, root))
    found = [candidate for path in files for candidate in _candidates(path)]
    found.sort(key=lambda candidate: not candidate.provenance)
    return tuple(_report(path, root, found) for path in paths)


def _report(path: Path, root: Path, found: Sequence[Candidate]) -> ArtifactReport:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    bundle = next((each.text for each in found if sha256 in each.digests), None)
    if bundle is None:
        raise ResultsInvalid(f"no bundle attests {name} (sha256:{sha256})", _ATTEST)
    if len(bundle) > MAX_BUNDLE:
        raise ResultsInvalid(
            f"the bundle of {name} has more than {MAX_BUNDLE} characters",
            "Attest fewer artifacts in one step: a bundle lists them all",
        )
    return ArtifactReport(name=name, sha256=sha256, bundle=bundle)


def _matching(pattern: str, root: Path) -> tuple[Path, ...]:
    """Return the files that a path or pattern names, in order; none is an error."""
    whole = root / pattern
    anchor = Path(whole.anchor) if Path(pattern).is_absolute() else root
    try:
        found = [whole] if whole.is_file() else anchor.glob(str(whole.relative_to(anchor)))
        paths = sorted(Path(os.path.normpath(each)) for each in found if each.is_file())
    except (ValueError, IndexError, OSError) as error:
        raise ResultsInvalid(f"{pattern} cannot be looked for: {error}", _PATTERNS) from error
    if not paths:
        raise ResultsInvalid(f"no file matches {pattern}", _PATTERNS)
    return tuple(paths)


def _candidates(path: Path) -> tuple[Candidate, ...]:
    """Read the bundles of a file; lines that are none are passed over, as in-toto asks."""
    if path.stat().st_size > MAX_FILE:
        raise ResultsInvalid(f"{path.name} has more than {MAX_FILE} bytes", _ATTEST)
    read = (_candidate(each) for each in _documents(path))
    found = tuple(candidate for candidate in read if candidate is not None)
    if not found:
        raise ResultsInvalid(f"{path.name} holds no sigstore bundle", _ATTEST)
    return found


def _documents(path: Path) -> list[object]:
    """Return one JSON document, or one of each line; nothing where it is neither."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    for parts in ([text], text.splitlines()):
        try:
            return [json.loads(part) for part in parts if part.strip()]
        except (ValueError, RecursionError):
            continue
    return []


def _candidate(document: object) -> Candidate | None:
    try:
        bundle = _Bundle.model_validate(document)
        if bundle.envelope is None:
            return Candidate(_compact(document), bundle.signed(), provenance=False)
        statement = _Statement.model_validate_json(bundle.envelope.payload)
    except ValidationError:
        return None
    digests = frozenset(each.digest.get("sha256", "") for each in statement.subject)
    provenance = statement.predicate_type.startswith(_PROVENANCE)
    return Candidate(_compact(document), digests, provenance=provenance)


def _compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
