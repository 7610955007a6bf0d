"""A mission as the world sees it, made from what is stored and what the ledger says."""

from collections.abc import Sequence
from datetime import datetime

from grace.domain.ledger import Entry
from grace.domain.mission import Mission
from grace.domain.package import CryptoSignature, MissionPackage, RemediationEvent
from grace.domain.signing import encode64


def package_of(mission: Mission, entries: Sequence[Entry]) -> MissionPackage | None:
    """Build the mission package; None while no contract has parsed."""
    request = mission.request
    if request is None:
        return None
    return MissionPackage(
        **{name: getattr(request, name) for name in type(request).model_fields},
        mission_id=mission.name,
        status=mission.status,
        outcome=mission.outcome,
        effective=mission.effective,
        created_at=mission.created_at,
        resolved_at=mission.closed_at,
        context=mission.context,
        remediation_history=tuple(_event(entry) for entry in entries),
        crypto_signatures=tuple(_signature(entry) for entry in entries),
    )


def _event(entry: Entry) -> RemediationEvent:
    envelope, payload = entry.envelope, entry.payload or {}
    return RemediationEvent(
        action=envelope.kind,
        actor=envelope.actor,
        stage=str(payload.get("after", "")),
        outcome=str(payload.get("outcome") or payload.get("result") or payload.get("reason") or ""),
        at=datetime.fromisoformat(envelope.time),
        ledger_entry=envelope.seq,
    )


def _signature(entry: Entry) -> CryptoSignature:
    envelope = entry.envelope
    return CryptoSignature(
        key_id=envelope.key,
        signature=encode64(entry.signature),
        signed=f"ledger entry {envelope.seq} {entry.hash}",
        at=datetime.fromisoformat(envelope.time),
    )
