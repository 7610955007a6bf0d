"""What comes of each effect in a world where everything works."""

from typing import TYPE_CHECKING

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.inspection import FileChange, Inspection
from grace.domain.memory.recollection import Recollection
from grace.domain.package import MetricObservation
from support.reports import sha

if TYPE_CHECKING:
    from support.world import World


def answer(world: "World", effect: fx.Effect) -> ev.Event:
    """Say what comes of an effect in a world where everything works."""
    match effect:
        case fx.PushPatch():
            head = sha(f"{effect.candidate.name} {effect.base} {effect.attempt}")
            return ev.BranchPushed(
                attempt=effect.attempt,
                head=head,
                base=effect.base,
                tree=sha(f"tree {effect.candidate.name} {effect.base}"),
                paths=("mesh.py",),
                blobs=effect.candidate.name,
            )
        case fx.OpenPull(purpose=purpose, head=head):
            number = 2 if purpose == "work" else 3
            return ev.PullOpened(purpose=purpose, number=number, url="", head=head)
        case fx.PublishComment() | fx.PublishCheck():
            return ev.Published(surface=effect.surface, id=effect.surface, digest=effect.digest)
        case fx.Dequeue(number=number, reason=reason) if number not in world.landed_by_hand:
            return ev.Dequeued(number=number, reason=reason)
        case fx.MergePull(number=number, head=head) if world.queue:
            return ev.Enqueued(number=number, head=head)
        case fx.MergePull(purpose=purpose, tree=tree):
            refused = world.merge_answer if purpose == "work" else world.revert_answer
            if refused is not None:
                return ev.MergeRefused(purpose=purpose, refusal=refused, reason="said the forge")
            landed = (world.landed_tree if purpose == "work" else None) or tree
            world.base = sha(f"merge {purpose}")
            return ev.Merged(purpose=purpose, sha=world.base, tree=landed, at=world.now)
        case fx.SampleMetrics(metric_ids=ids):
            samples = tuple(
                MetricObservation(
                    metric_id=m, value=world.values.get(m), at=world.now, source="test"
                )
                for m in ids
            )
            return ev.MetricsSampled(samples=samples)
        case fx.ReadBaseline():
            return ev.BaselineRead(samples=())
        case fx.PushRevert():
            return ev.RevertPushed(
                **{
                    "head": sha("revert"),
                    "base": world.base,
                    "tree": sha("tree before"),
                    "restores": True,
                    "before": sha("before"),
                    "before_tree": sha("tree before"),
                    **world.revert,
                }
            )
        case fx.FileIssue(purpose=purpose):
            number = {"capa": 9, "review": 11, "mission": 1}[purpose]
            return ev.IssueFiled(purpose=purpose, number=number, url="")
        case _:
            return _read(world, effect)


def _read(world: "World", effect: fx.Effect) -> ev.Event:
    match effect:
        case fx.ReadPermission(login=login, about=about):
            found = world.permission.get(login, ev.Permission.NONE)
            return ev.PermissionRead(login=login, about=about, permission=found)
        case fx.ReadBase(branch=branch):
            return ev.BaseRead(branch=branch, sha=world.base)
        case fx.ReadTree(sha=commit):
            return ev.TreeRead(sha=commit, tree=sha(f"tree of {commit}"))
        case fx.ReadRef(candidate=candidate, ref=name):
            return ev.RefRead(candidate=candidate, ref=name, sha=sha(f"tip of {name}"))
        case fx.InspectPatch(base=base, head=head):
            files = (FileChange(path="mesh.py", added=1, removed=1),)
            read = Inspection(head=head, base=base, files=files)
            return ev.PatchInspected(inspection=read.model_copy(update=world.inspection))
        case fx.ReadTeam(login=login, team=team):
            return ev.TeamRead(login=login, team=team, member=login in world.teams.get(team, ()))
        case fx.VerifyAttestations(head=head):
            return ev.AttestationsVerified(head=head, artifacts=world.attested)
        case fx.ReadReport(head=head) if head in world.artifacts:
            return ev.ResultsReported(report=world.artifacts[head])
        case fx.ReadContains(head=head, of=of):
            return ev.ContainsRead(head=head, contains=head in world.containing, of=of)
        case fx.ReadPull(number=number) | fx.Dequeue(number=number) if (
            number in world.landed_by_hand
        ):
            return ev.Merged(
                purpose="work" if number == 2 else "revert",
                sha=sha(f"by hand {number}"),
                tree=world.landed_by_hand[number],
                at=world.now,
                restored=world.restored if number == 3 else None,
            )
        case fx.ReadMemory():
            return ev.MemoryRead(
                recollection=world.recollection or Recollection(asked_at=world.now)
            )
        case fx.AskAgent(task=task):
            return ev.AgentAsked(request=task.request)
        case fx.ReadProposal(request=request):
            return world.proposals.get(
                request, ev.ProposalAwaited(request=request, reason="run 1 goes on", run=1)
            )
        case fx.ReadPull(number=number):
            return ev.ChangeRead(pull=world.pull(number=number))
        case _:
            return ev.EffectDone(key=effect.key)
