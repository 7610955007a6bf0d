"""The audit of a clone: ledger branch, mission commits, merges. It reads nothing by itself.

The order is fixed, because each part is judged by the one before it:

1. every commit of the ledger branch, oldest first (`ledger_commit`), then `close_ledger`;
2. every commit that has a `Mission:` trailer (`mission_commit`);
3. every merge that an entry claims (`landings`, `landed`);
4. `report`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from grace.domain.attestation import prove, unattested
from grace.domain.audit import AuditFault, AuditReport, by_seq, check_chain, redacted
from grace.domain.audit_layout import CHECKPOINT, check_appends, check_layout, read_layout
from grace.domain.ledger import LOG_OPENED, Entry, Head, LedgerError
from grace.domain.ledger_verify import (
    Checkpoint,
    Finding,
    check_head,
    check_signature,
    parse_checkpoint,
)
from grace.domain.signing import (
    PUBLIC_KEY_BYTES,
    NotCanonicalError,
    Verifier,
    decode64,
    key_id_of,
)
from grace.domain.sshsig import (
    Commit,
    CommitProof,
    SignatureFormatError,
    object_id,
    parse_commit,
)
from grace.domain.trailers import Place, SealedMessage, TrailerError, parse, verify

MERGED = "mission.merged"
REVERTED = "mission.reverted"


@dataclass(frozen=True, slots=True)
class LedgerCommit:
    """One commit of the ledger branch, with all its files by path."""

    sha: str
    raw: bytes
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class FoundCommit:
    """A commit of another branch. `own`: it is on `grace/*` branches and on no other."""

    sha: str
    raw: bytes
    own: bool


@dataclass(frozen=True, slots=True)
class Landing:
    """What an entry says was merged."""

    seq: int
    mission: str | None
    sha: str
    tree: str


class RepositoryAudit:
    """The state of one audit of a clone."""

    def __init__(self, subject: str, verifier: Verifier) -> None:
        self._subject = subject
        self._verifier = verifier
        self._findings: list[Finding] = []
        self._signatures = 0
        self._by_trailer: list[str] = []
        self._tip: LedgerCommit | None = None
        self._heads: list[tuple[str, Checkpoint]] = []
        self._entries: tuple[Entry, ...] = ()
        self._by_seq: dict[int, Entry] = {}
        self._head: Head | None = None
        self._repository: str | None = None
        self._missions: dict[str, str | None] = {}

    def ledger_commit(self, found: LedgerCommit) -> None:
        """Judge one commit of the ledger branch against the one before it."""
        # 1. The bytes are those that the id names.
        commit = self._parsed(found.sha, found.raw)
        # 2. A trusted key signed it.
        if commit is not None and not self._proven(prove(found.raw, self._verifier)):
            what = "is on the ledger branch without a good signature of a trusted key"
            self._commit(AuditFault.LEDGER_COMMIT_UNSIGNED, what, found.sha)
        # 3. It follows the one before it, and nothing else.
        before = () if self._tip is None else (self._tip.sha,)
        if commit is not None and commit.parents != before:
            what = "does not follow the one ledger commit before it"
            self._commit(AuditFault.REWRITTEN, what, found.sha)
        # 4. It only appends.
        if self._tip is not None:
            self._findings += check_appends(self._tip.files, found.files, found.sha)
        # 5. It carries a head that a trusted key signed.
        self._checkpoint(found)
        self._tip = found

    def close_ledger(self) -> None:
        """Judge the newest version as a whole: layout, chain, heads, and what opened the log."""
        if self._tip is None:
            self._add(AuditFault.NO_LEDGER, "there is no ledger branch in this clone: fetch it")
            return
        self._findings += check_layout(self._tip.files)
        lines = read_layout(self._tip.files)
        self._entries, self._head, findings = check_chain(lines, self._verifier)
        self._findings += findings
        self._signatures += len(self._entries)
        self._by_seq = by_seq(self._entries)
        for _, checkpoint in self._heads:
            self._findings += check_head(checkpoint, self._by_seq)
        at_tip = [c for sha, c in self._heads if sha == self._tip.sha]
        if at_tip and at_tip[0].seq < len(lines):
            what = f"is behind the signed head, which ends at entry {at_tip[0].seq}"
            self._findings.append(Finding(AuditFault.STALE_HEAD, what, seq=len(lines)))
        self._open()

    def mission_commit(self, found: FoundCommit) -> None:
        """Judge a commit by its trailers; one without a `Mission:` trailer is nobody's claim."""
        commit = self._parsed(found.sha, found.raw)
        if commit is None:
            return
        # 1. The trailers are, line for line, what is written for a mission.
        try:
            message = parse(unattested(commit.message))
        except TrailerError as error:
            self._missions[found.sha] = None
            self._commit(AuditFault.TRAILERS, str(error), found.sha)
            return
        if message is None:
            return
        self._missions[found.sha] = message.trailers.mission
        # 2. A trusted key signed them for this repository, log and tree.
        self._sealed(found.sha, commit, message)
        # 3. The entry they name is there, and is about this mission.
        self._entry(found.sha, message)
        # 4. What Grace made has an SSHSIG as well, of the commit or in its message; what the forge
        #    made need not.
        proof = prove(found.raw, self._verifier)
        match proof:
            case CommitProof.GOOD:
                self._signatures += 1
            case CommitProof.BAD:
                what = "has a signature that does not match it"
                self._commit(AuditFault.COMMIT_SIGNATURE, what, found.sha)
            case CommitProof.NONE | CommitProof.UNKNOWN_KEY if found.own:
                what = "is on a branch of Grace without a good signature of a trusted key"
                self._commit(AuditFault.COMMIT_SIGNATURE, what, found.sha)
            case CommitProof.NONE | CommitProof.UNKNOWN_KEY:
                self._by_trailer.append(found.sha)
            case _:
                assert_never(proof)

    def landings(self) -> tuple[Landing, ...]:
        """List the merges that entries claim; one that names no commit or tree is a finding."""
        claims = []
        for entry in self._entries:
            if entry.envelope.kind != MERGED or entry.payload is None:
                continue
            sha, tree = entry.payload.get("merge_sha"), entry.payload.get("tree")
            if isinstance(sha, str) and isinstance(tree, str):
                claims.append(Landing(entry.envelope.seq, entry.envelope.mission, sha, tree))
            else:
                what = "says that something was merged, but not which commit and tree"
                self._findings.append(
                    Finding(AuditFault.MERGE_MISSING, what, seq=entry.envelope.seq)
                )
        return tuple(claims)

    def landed(self, landing: Landing, raw: bytes | None) -> None:
        """Judge a claimed merge; `raw` is the commit as the clone has it, None if it has not."""
        if raw is None:
            self._landing(AuditFault.MERGE_MISSING, "is not in this clone", landing)
            return
        commit = self._parsed(landing.sha, raw)
        if commit is None:
            return
        if landing.sha not in self._missions:
            self.mission_commit(FoundCommit(landing.sha, raw, own=False))
        if commit.tree != landing.tree:
            what = f"has the tree {commit.tree}, and {landing.tree} was tested"
            self._landing(AuditFault.MERGE_TREE, what, landing)
        queued = (landing.sha, commit.tree) in self._queued()
        if self._missions.get(landing.sha) != landing.mission and not queued:
            what = "does not carry the trailers of its mission"
            self._landing(AuditFault.MERGE_TRAILERS, what, landing)

    def note(self, fault: AuditFault, sentence: str) -> None:
        """Add what the reader of the clone found."""
        self._add(fault, sentence)

    def report(self) -> AuditReport:
        """Return what was found so far."""
        return AuditReport(
            subject=self._subject,
            entries=len(self._entries),
            signatures=self._signatures,
            commits=len(self._missions),
            by_trailer=tuple(self._by_trailer),
            redacted=redacted(self._entries),
            head=self._head,
            findings=tuple(self._findings),
        )

    def _parsed(self, sha: str, raw: bytes) -> Commit | None:
        if object_id(raw, like=sha) != sha:
            what = "has other bytes than its id names"
            self._commit(AuditFault.OBJECT_CHANGED, what, sha)
            return None
        try:
            return parse_commit(raw)
        except SignatureFormatError as error:
            self._commit(AuditFault.OBJECT_CHANGED, str(error), sha)
            return None

    def _proven(self, proof: CommitProof) -> bool:
        good = proof is CommitProof.GOOD
        self._signatures += good
        return good

    def _checkpoint(self, found: LedgerCommit) -> None:
        text = found.files.get(CHECKPOINT, b"")
        try:
            checkpoint = parse_checkpoint(text.removesuffix(b"\n"))
        except LedgerError as error:
            self._commit(AuditFault.STALE_HEAD, f"{CHECKPOINT}: {error}", found.sha)
            return
        if not text.endswith(b"\n"):
            what = f"{CHECKPOINT} does not end with a newline"
            self._commit(AuditFault.STALE_HEAD, what, found.sha)
        bad = check_signature(checkpoint, self._verifier)
        self._findings += bad
        self._signatures += not bad
        if not bad:
            self._heads.append((found.sha, checkpoint))

    def _open(self) -> None:
        first = self._by_seq.get(1)
        payload = None if first is None else first.payload
        if first is None or payload is None or first.envelope.kind != LOG_OPENED:
            what = f"is not a readable {LOG_OPENED} entry, so no commit can be judged"
            self._findings.append(Finding(AuditFault.NO_GENESIS, what, seq=1))
            return
        try:
            key = key_id_of(decode64(str(payload.get("key")), PUBLIC_KEY_BYTES))
        except NotCanonicalError:
            key = ""
        if key != first.envelope.key:
            what = "names another public key than the one that signed it"
            self._findings.append(Finding(AuditFault.NO_GENESIS, what, seq=1))
        self._repository = str(payload.get("repository"))

    def _sealed(self, sha: str, commit: Commit, message: SealedMessage) -> None:
        if self._repository is None or self._head is None:
            self._commit(AuditFault.TRAILER_SIGNATURE, "cannot be judged without its log", sha)
            return
        place = Place(self._repository, self._head.log, commit.tree)
        if not self._verifier.knows(message.key_id):
            what = f"has a Mission-Signature by {message.key_id}, which is not trusted"
            self._commit(AuditFault.TRAILER_SIGNATURE, what, sha)
        elif not verify(message, place, self._verifier):
            if (sha, commit.tree) in self._queued():
                return  # its entry is signed and names commit and tree
            what = "has a Mission-Signature that does not match its tree and message"
            self._commit(AuditFault.TRAILER_SIGNATURE, what, sha)
        else:
            self._signatures += 1

    def _queued(self) -> set[tuple[str, str]]:
        """Return commits that a merge queue made, with their trees, as signed entries name them.

        A queue composes message and tree itself, so its trailers may be of another tree.
        """
        landed = (e.payload for e in self._entries if e.envelope.kind in {MERGED, REVERTED})
        return {
            (str(payload.get("merge_sha")), str(payload.get("tree")))
            for payload in landed
            if payload is not None and payload.get("queued") is True
        }

    def _entry(self, sha: str, message: SealedMessage) -> None:
        ref, mission = message.trailers.entry, message.trailers.mission
        entry = self._by_seq.get(ref.seq)
        if entry is None or entry.hash != ref.hash:
            what = f"names entry {ref.seq} {ref.hash[:12]}, which the ledger does not have"
            self._commit(AuditFault.TRAILER_ENTRY, what, sha)
        elif entry.envelope.mission != mission:
            what = f"is of {mission}, but entry {ref.seq} is about {entry.envelope.mission}"
            self._commit(AuditFault.TRAILER_ENTRY, what, sha)

    def _landing(self, fault: AuditFault, what: str, landing: Landing) -> None:
        sentence = f"says that commit {landing.sha} was merged, which {what}"
        self._findings.append(Finding(fault, sentence, seq=landing.seq, commit=landing.sha))

    def _commit(self, fault: AuditFault, what: str, sha: str) -> None:
        self._findings.append(Finding(fault, what, commit=sha))

    def _add(self, fault: AuditFault, sentence: str) -> None:
        self._findings.append(Finding(fault, sentence))
