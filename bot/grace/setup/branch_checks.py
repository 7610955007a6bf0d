"""What must be true of a repository and its base branch. Pure: facts in, findings out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grace.setup.app_checks import Lenient
from grace.setup.findings import Finding, Unknown, fail, good, untold, warn

GOVERNANCE: Final = "mission/governance"
OBSERVATION: Final = "mission/observation"
LEDGER: Final = "grace-ledger"
_RULES: Final = "in the branch's protection or ruleset"
_ANY_APP: Final = -1
_GRANT: Final = "grant the App administration: read, or look in the repository's settings"


class RepositoryFacts(Lenient):
    """`GET /repos/{owner}/{repo}`; merge settings are None where they are not shown to us."""

    full_name: str
    default_branch: str
    archived: bool = False
    allow_merge_commit: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase_merge: bool | None = None


class _Check(Lenient):
    context: str
    app_id: int | None = None


class _Checks(Lenient):
    strict: bool | None = None
    contexts: tuple[str, ...] = ()
    checks: tuple[_Check, ...] = ()


class _Switch(Lenient):
    enabled: bool = False


class Classic(Lenient):
    """Classic protection: `GET .../branches/{branch}/protection`, or what the branch shows."""

    required_status_checks: _Checks | None = None
    required_signatures: _Switch = _Switch()
    required_linear_history: _Switch = _Switch()


class BranchFacts(Lenient):
    """`GET .../branches/{branch}`."""

    name: str
    protected: bool = False
    protection: Classic = Classic()


class Rule(Lenient):
    """One of `GET .../rules/branches/{branch}`: a rule of a ruleset that is in force."""

    type: str
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Required:
    """A check that must pass; `app_id` None accepts it from anybody."""

    context: str
    app_id: int | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What classic protection and rulesets ask for together.

    `strict` None: it could not be read. `head_green`: of a group in the merge queue only the last
    change has to pass. `methods` None: no ruleset restricts them. `unread`: why part of it could
    not be read.
    """

    required: tuple[Required, ...] = ()
    strict: bool | None = False
    signatures: bool = False
    linear: bool = False
    merge_queue: bool = False
    head_green: bool = False
    methods: frozenset[str] | None = None
    unread: tuple[str, ...] = ()


def combine(classic: Classic | Unknown | None, rules: Sequence[Rule] | Unknown) -> Rules:
    """Put both kinds of protection together; `classic` None: there is none."""
    unread = tuple(part.why for part in (classic, rules) if isinstance(part, Unknown))
    old = classic if isinstance(classic, Classic) else Classic()
    new = [] if isinstance(rules, Unknown) else list(rules)
    checks = old.required_status_checks
    asked = [r.parameters or {} for r in new if r.type == "required_status_checks"]
    strict = [checks.strict] if checks is not None else []
    strict += [bool(p.get("strict_required_status_checks_policy")) for p in asked]
    types = {rule.type for rule in new}
    return Rules(
        required=(*_classic_checks(checks), *(each for p in asked for each in _ruleset_checks(p))),
        strict=True if True in strict else None if None in strict else False,
        signatures=old.required_signatures.enabled or "required_signatures" in types,
        linear=old.required_linear_history.enabled or "required_linear_history" in types,
        merge_queue="merge_queue" in types,
        head_green=any(_head_green(rule) for rule in new),
        methods=_methods(new),
        unread=unread,
    )


def check_branch(rules: Rules, app_id: int, where: str) -> list[Finding]:
    """Judge the protection of a base branch; `where` is OWNER/NAME BRANCH."""
    findings = [untold(f"{where}: protection", Unknown(why), _GRANT) for why in rules.unread]
    findings.append(_governance(rules, app_id, f"{where}: required checks"))
    if any(each.context == OBSERVATION for each in rules.required):
        found = f"{OBSERVATION} is required, and is published after the merge: nothing could land"
        findings.append(fail(f"{where}: required checks", found, f"take it out {_RULES}"))
    findings.append(_up_to_date(rules, f"{where}: up to date"))
    if rules.merge_queue:
        findings.append(_queue(rules, f"{where}: merge queue"))
    if rules.signatures:
        found = "signed commits are required; the forge verifies none of our SSH signatures"
        mend = "make commits by the forge's API (commit mode `api`), which signs them"
        findings.append(warn(f"{where}: signed commits", found, mend))
    return findings


def check_methods(repository: RepositoryFacts, rules: Rules, method: str, where: str) -> Finding:
    """The merge method of governance.yaml is one that repository and branch allow."""
    name = f"{where}: merge method"
    allowed = {
        "merge": repository.allow_merge_commit,
        "squash": repository.allow_squash_merge,
        "rebase": repository.allow_rebase_merge,
    }
    if rules.merge_queue:
        return good(name, "the merge queue decides")
    shut = allowed[method] is False or (rules.methods is not None and method not in rules.methods)
    open_ = [m for m, on in allowed.items() if on and (rules.methods is None or m in rules.methods)]
    if shut:
        mend = f"set merge_method in governance.yaml to one of: {', '.join(open_) or 'none'}"
        return fail(name, f"{method} is not allowed", mend)
    if rules.linear and method == "merge":
        return fail(name, "linear history is required", "set merge_method: squash")
    if allowed[method] is None:
        unknown = Unknown("the forge does not show the repository's merge settings")
        return untold(name, unknown, f"see in its settings that {method} is allowed")
    return good(name, f"{method} is allowed")


def check_ledger_branch(
    branch: BranchFacts | Unknown | None, rules: Sequence[Rule] | Unknown, repository: str
) -> Finding:
    """Nobody can rewrite or delete the published ledger unnoticed."""
    name = f"{repository}: {LEDGER}"
    mend = f"protect {LEDGER} with a ruleset: no deletion, no force push, only the App may push"
    if isinstance(rules, Unknown):
        return untold(name, rules, mend)
    types = {rule.type for rule in rules}
    classic = isinstance(branch, BranchFacts) and branch.protected
    if classic or {"deletion", "non_fast_forward"} <= types:
        return good(name, "it can be neither deleted nor rewritten")
    return warn(name, "anybody with write access can delete or rewrite it", mend)


def _governance(rules: Rules, app_id: int, name: str) -> Finding:
    sources = {each.app_id for each in rules.required if each.context == GOVERNANCE}
    if app_id in sources:
        return good(name, f"{GOVERNANCE}, by our App alone")
    if None in sources:
        found = f"{GOVERNANCE} is required from anybody who can write"
        return fail(name, found, f"choose the App {app_id} as its source {_RULES}")
    if sources:
        others = ", ".join(str(each) for each in sources)
        found = f"{GOVERNANCE} is required from another App ({others})"
        return fail(name, found, f"choose the App {app_id} as its source {_RULES}")
    if rules.unread:
        unknown = Unknown(f"{GOVERNANCE} is not among what could be read")
        return untold(name, unknown, _GRANT)
    return fail(
        name, f"{GOVERNANCE} is not required", f"require it, from the App {app_id}, {_RULES}"
    )


def _queue(rules: Rules, name: str) -> Finding:
    """The queue lands nothing that was not judged: neither unseen nor between others."""
    if not any(each.context == GOVERNANCE for each in rules.required) and not rules.unread:
        found = f"without {GOVERNANCE} among the required checks the queue alone decides"
        return warn(name, found, f"require it {_RULES}")
    if rules.head_green:
        found = "of a group only the last change has to pass: ours could land failed"
        mend = 'choose "Require all queue entries to pass required checks" (ALLGREEN)'
        return warn(name, found, mend)
    return good(name, "each change in a group has to pass by itself")


def _head_green(rule: Rule) -> bool:
    parameters = rule.parameters or {}
    return rule.type == "merge_queue" and parameters.get("grouping_strategy") == "HEADGREEN"


def _up_to_date(rules: Rules, name: str) -> Finding:
    mend = f"require branches to be up to date before merging {_RULES}"
    if rules.merge_queue:
        return good(name, "the merge queue tests on the tip of the base")
    if rules.strict:
        return good(name, "required before a merge")
    if rules.strict is None or rules.unread:
        return untold(name, Unknown("the protection does not show it"), mend)
    return fail(name, "not required: what lands may not be what was tested", mend)


def _classic_checks(checks: _Checks | None) -> tuple[Required, ...]:
    if checks is None:
        return ()
    named = {check.context for check in checks.checks}
    bound = [Required(c.context, None if c.app_id == _ANY_APP else c.app_id) for c in checks.checks]
    return (*bound, *(Required(c, None) for c in checks.contexts if c not in named))


def _ruleset_checks(parameters: dict[str, Any]) -> list[Required]:
    listed = parameters.get("required_status_checks")
    items = listed if isinstance(listed, list) else []
    return [
        Required(str(item.get("context", "")), item.get("integration_id"))
        for item in items
        if isinstance(item, dict)
    ]


def _methods(rules: Sequence[Rule]) -> frozenset[str] | None:
    """Return the merge methods that every pull request rule allows."""
    found: frozenset[str] | None = None
    for rule in rules:
        allowed = (rule.parameters or {}).get("allowed_merge_methods")
        if rule.type == "pull_request" and isinstance(allowed, list):
            these = frozenset(str(each) for each in allowed)
            found = these if found is None else found & these
    return found
