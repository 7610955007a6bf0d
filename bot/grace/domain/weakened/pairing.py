"""Compare what a test asserted with what it asserts now."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from grace.domain.weakened.claims import NOTHING, Claim, is_broader
from grace.domain.weakening import WeakeningKind


@dataclass(frozen=True, slots=True)
class Weaker:
    """An assertion that says less than it did."""

    kind: WeakeningKind
    line: int
    message: str


@dataclass(slots=True)
class Paired:
    """What became of the assertions of one function; `gone` and `spare` found no partner."""

    weaker: list[Weaker] = field(default_factory=list)
    gone: list[Claim] = field(default_factory=list)
    spare: list[Claim] = field(default_factory=list)


def pair(before: Sequence[Claim], after: Sequence[Claim]) -> Paired:
    """Pair each old assertion that changed with the new one that took its place.

    The same words first, then the same subject, then whatever is left, the strongest with the
    strongest.
    """
    paired = Paired()
    same = Counter((c.text, c.guards, c.rank) for c in before)
    same &= Counter((c.text, c.guards, c.rank) for c in after)
    old = _without([c for c in before if c.rank > NOTHING], Counter(same))
    new = _without(after, Counter(same))
    for key in (_text, _subject, _whatever):
        old, new = _matched(old, new, key, paired)
    paired.gone, paired.spare = old, [c for c in new if c.rank > NOTHING]
    return paired


def _text(claim: Claim) -> str:
    return claim.text


def _subject(claim: Claim) -> str:
    return claim.subject


def _whatever(claim: Claim) -> str:
    return "raises" if claim.raises else ""


def _without(
    claims: Sequence[Claim], same: Counter[tuple[str, tuple[str, ...], int]]
) -> list[Claim]:
    left: list[Claim] = []
    for claim in claims:
        key = (claim.text, claim.guards, claim.rank)
        if same[key] > 0:
            same[key] -= 1
        else:
            left.append(claim)
    return left


def _matched(
    old: list[Claim], new: list[Claim], key: Callable[[Claim], str], paired: Paired
) -> tuple[list[Claim], list[Claim]]:
    """Take what pairs by this key out of both lists, and note where it got weaker."""
    waiting: dict[str, list[Claim]] = {}
    for claim in sorted(new, key=lambda c: c.rank):
        waiting.setdefault(key(claim), []).append(claim)
    unmatched: list[Claim] = []
    for claim in sorted(old, key=lambda c: -c.rank):
        if candidates := waiting.get(key(claim)):
            now = candidates.pop()
            if weaker := compare(claim, now):
                paired.weaker.append(weaker)
        else:
            unmatched.append(claim)
    return unmatched, [c for left in waiting.values() for c in left]


def compare(old: Claim, new: Claim) -> Weaker | None:
    """Say in which way an assertion got weaker, if in any."""
    kind = WeakeningKind.ASSERTION_REMOVED
    if new.rank == NOTHING:
        return Weaker(kind, new.line, "an assertion that cannot fail stands for one that could")
    if len(new.guards) > len(old.guards):
        return Weaker(kind, new.line, "an assertion now depends on a condition")
    if old.raises and new.raises and is_broader(old.raises, new.raises):
        return Weaker(kind, new.line, "more exceptions satisfy the test than did")
    if old.raises and new.raises and old.matching and not new.matching:
        return Weaker(kind, new.line, "the words of the exception are no longer looked at")
    if limit := _looser_limit(old, new):
        return Weaker(WeakeningKind.THRESHOLD_LOWERED, new.line, limit)
    if new.rank < old.rank:
        return Weaker(kind, new.line, "an assertion says less than it did")
    return None


def _looser_limit(old: Claim, new: Claim) -> str | None:
    if old.slack is not None and new.slack is not None and new.slack > old.slack:
        return f"a tolerance grew from {old.slack:g} to {new.slack:g}"
    if old.subject != new.subject:
        return None
    if old.most is not None and new.most is not None and new.most > old.most:
        a, b = (f"{'<=' if inside else '<'} {limit:g}" for limit, inside in (old.most, new.most))
        return f"an upper limit in an assertion rose from {a} to {b}"
    if old.least is not None and new.least is not None and new.least < old.least:
        a, b = (f"{'>' if out else '>='} {limit:g}" for limit, out in (old.least, new.least))
        return f"a lower limit in an assertion fell from {a} to {b}"
    return None
