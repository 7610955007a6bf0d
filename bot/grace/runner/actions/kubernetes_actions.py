"""Scale, restart and take back the workload of a Kubernetes target."""

import hashlib
import json

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.kubernetes_client import RESTARTED, Workload, identify_kubernetes
from grace.runner.actions.service_scale import wanted_count
from grace.runner.actions.service_target import Notes, nothing_to_undo, spec_of, wait_until

_HOUR = 3600.0


class KubernetesScale:
    """The number before, and the one asked for, are noted before anything is asked."""

    spec: ActionSpec = spec_of("kubernetes.scale")

    def identify(self, situation: Situation) -> None:
        identify_kubernetes(situation)

    def look(self, situation: Situation) -> Found:
        begun = Notes(situation).read()
        if begun:
            return Found(holds=False, sentence=f"goes on to {begun['wanted']} replicas")
        now = Workload(situation)
        wanted = wanted_count(situation, now.replicas)
        values: dict[str, Scalar] = {"replicas": now.replicas, "wanted": wanted}
        if now.replicas >= wanted:
            return Found(holds=True, sentence=f"{now.replicas} are asked for", values=values)
        words = f"would ask for {wanted} replicas of {now.name}, now it is {now.replicas}"
        return Found(holds=False, sentence=words, values=values)

    def act(self, situation: Situation) -> Found:
        notes, now = Notes(situation), Workload(situation)
        if not notes.read():
            wanted = max(now.replicas, wanted_count(situation, now.replicas))
            notes.write(before=now.replicas, wanted=wanted)
        wanted = int(notes.read()["wanted"])
        if now.replicas < wanted:
            now.scale(wanted)
        _wait(situation)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted, now = Notes(situation).read(), Workload(situation)
        holds = bool(noted) and now.replicas >= int(noted["wanted"]) and now.complete
        words = f"{now.ready} of {now.replicas} replicas are ready"
        return Found(holds=holds, sentence=words, values={"replicas": now.replicas, **noted})

    def undo(self, situation: Situation) -> Found:
        noted, now = Notes(situation).read(), Workload(situation)
        if not noted or now.replicas == int(noted["before"]):
            return Found(holds=True, sentence=f"{now.replicas} replicas are asked for")
        if now.replicas != int(noted["wanted"]):
            raise ActionFailed(
                f"somebody else asked for {now.replicas} replicas since: that is left as it is"
            )
        now.scale(int(noted["before"]))
        return Found(holds=True, sentence=f"{noted['before']} replicas are asked for again")


class KubernetesRestart:
    """When it was last restarted is noted first: another time there is a restart that began."""

    spec: ActionSpec = spec_of("kubernetes.restart")

    def identify(self, situation: Situation) -> None:
        identify_kubernetes(situation)

    def look(self, situation: Situation) -> Found:
        now = Workload(situation)
        return Found(holds=False, sentence=f"would restart {now.name} by a rollout")

    def act(self, situation: Situation) -> Found:
        notes, now = Notes(situation), Workload(situation)
        if not notes.read():
            notes.write(restarted_at=now.restarted_at, noted=True)
        if now.restarted_at == notes.read()["restarted_at"]:
            now.restart()
        _wait(situation)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted, now = Notes(situation).read(), Workload(situation)
        if not noted or now.restarted_at == noted["restarted_at"]:
            return Found(holds=False, sentence=f"{now.name} was not restarted")
        words = f"{now.ready} of {now.replicas} replicas are ready after the restart"
        return Found(holds=now.complete, sentence=words, values={"replicas": now.replicas})

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)


class KubernetesRollback:
    """`rollout undo` twice would be back where it was, so what ran before is noted first."""

    spec: ActionSpec = spec_of("kubernetes.rollback")

    def identify(self, situation: Situation) -> None:
        identify_kubernetes(situation)

    def look(self, situation: Situation) -> Found:
        now = Workload(situation)
        _refuse_first(now)
        words = f"would go back from revision {now.revision} of {now.name} to the one before"
        return Found(holds=False, sentence=words, values={"revision": now.revision})

    def act(self, situation: Situation) -> Found:
        notes, now = Notes(situation), Workload(situation)
        if not notes.read():
            _refuse_first(now)
            notes.write(revision=now.revision, template=_digest(now))
        if _digest(now) == notes.read()["template"]:
            now.go_back()
        _wait(situation)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted, now = Notes(situation).read(), Workload(situation)
        if not noted or _digest(now) == noted["template"]:
            return Found(holds=False, sentence=f"{now.name} did not go back")
        words = f"{now.name} went back: {now.ready} of {now.replicas} replicas are ready"
        return Found(holds=now.complete, sentence=words, values={"was_revision": noted["revision"]})

    def undo(self, situation: Situation) -> Found:
        noted, now = Notes(situation).read(), Workload(situation)
        if noted and _digest(now) != noted["template"]:
            now.go_back(int(noted["revision"]))
            _wait(situation)
            now = Workload(situation)
        return Found(holds=now.complete, sentence=f"{now.name} is as it was before")


def _refuse_first(now: Workload) -> None:
    if now.revision <= 1:
        raise ActionFailed(f"{now.name} has no revision before the present one")


def _digest(workload: Workload) -> str:
    """Digest what the pods are made from, but for when they were restarted."""
    template = json.loads(json.dumps(workload.template))
    annotations = template.get("metadata", {}).get("annotations") or {}
    annotations.pop(RESTARTED, None)
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()


def _wait(situation: Situation) -> None:
    wait_until(
        situation,
        _HOUR,
        "the rollout did not complete",
        lambda: Workload(situation).complete,
        pause=0.5,
    )
