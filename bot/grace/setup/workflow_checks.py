"""Workflows that would hand a credential to code that nobody has reviewed yet. Pure.

Grace's work branches are `grace/*` in the repository itself, so a workflow on `push` or
`pull_request` runs there with the repository's secrets, unlike on a fork. Source: GitHub Docs,
"Workflow syntax", "Security hardening for GitHub Actions".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from grace.setup.findings import Finding, fail, good, warn

WORK: Final = "grace/mission_20260101_001"
_MAX_TEXT: Final = 262_144
_ON_WORK: Final = ("push", "create")
_ORDER: Final = ("request", "agent", "base", "task")
_NAMED: Final = re.compile(r"(?:github\.event\.)?inputs\.request")
_PRIVILEGED: Final = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_EXPRESSION: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_SECRET: Final = re.compile(r"\bsecrets\b(?!\s*\.\s*GITHUB_TOKEN\b)", re.IGNORECASE)
_HEAD: Final = re.compile(
    r"head\.(?:sha|ref|repo)|head_(?:ref|sha|branch|repository|commit)|refs/pull/|\bpull/\$"
)
_FETCH: Final = re.compile(r"gh\s+pr\s+checkout|git\s+(?:fetch|checkout|pull|clone|switch)\b")
_IS_OTHER_REF: Final = re.compile(
    r"github\.ref(?:_name)?\s*==\s*'(?:refs/heads/|refs/tags/)?(?!grace/)[^']+'"
)
_EVENT: Final = re.compile(r"github\.event_name\s*(==|!=)\s*'(\w+)'")
_NOT_GRACE: Final = re.compile(r"!\s*startsWith\(\s*github\.(head_ref|ref_name|ref)\s*,[^)]*grace/")

Node = dict[Any, Any]


def check_workflows(files: Mapping[str, str], base: str, repository: str) -> list[Finding]:
    """Judge all workflows of a base branch: path to text."""
    name = f"{repository}: workflows"
    findings = [
        finding for path, text in sorted(files.items()) for finding in judge(path, text, base, name)
    ]
    clean = good(name, f"none of {len(files)} hands a credential to unreviewed code")
    return findings or [clean]


def check_agents(files: Mapping[str, str], workflow: str, repository: str) -> Finding:
    """The workflow that runs agents is there, can be started by hand, and says whose run it is."""
    name, mend = f"{repository}: agents", "run `grace init` again and merge what it writes"
    text = files.get(f".github/workflows/{workflow}")
    if text is None:
        return warn(name, f"{workflow} is not there: no agent can be asked", mend)
    document = _load(text) or {}
    spec = _triggers(document).get("workflow_dispatch")
    if spec is None:
        return warn(name, f"{workflow} cannot be started by hand", mend)
    lacking = [each for each in _ORDER if each not in _mapping(spec.get("inputs"))]
    if lacking:
        return warn(name, f"{workflow} takes no input {', '.join(lacking)}", mend)
    title = _EXPRESSION.findall(str(document.get("run-name", "")))
    if not any(_NAMED.fullmatch(each.strip()) for each in title):
        return warn(name, f"the name of a run of {workflow} does not say for what it is", mend)
    return good(name, f"{workflow} takes orders")


def judge(path: str, text: str, base: str, name: str) -> Iterator[Finding]:
    """Judge one workflow; say file and job."""
    document = _load(text)
    if document is None:
        yield warn(
            name, f"{path} cannot be read as YAML", "mend it; the forge cannot run it either"
        )
        return
    triggers = _triggers(document)
    reaching = _reaching(triggers, base)
    for job_name, job in _mapping(document.get("jobs")).items():
        if not isinstance(job, dict):
            continue
        where = f"{path}, job {job_name}"
        if _PRIVILEGED & set(triggers) and _checks_out_head(job):
            privileged = ", ".join(sorted(_PRIVILEGED & set(triggers)))
            found = f"{where}: {privileged} checks out the head of a pull request, with secrets"
            yield fail(name, found, "use pull_request, or check out nothing of the pull request")
        if reaching - _excluded(str(job.get("if", ""))):
            yield from _credentials(document, job, name, where)


def _credentials(document: Node, job: Node, name: str, where: str) -> Iterator[Finding]:
    """Find what a job that runs on a work branch is given."""
    keep_off = "keep it off grace/* (filter the trigger's branches, or the job by `if`)"
    inherited = [document.get("env"), document.get("defaults"), job]
    if job.get("secrets") == "inherit" or any(_uses_secret(part) for part in inherited):
        yield fail(name, f"{where}: secrets reach grace/*", keep_off)
    granted = job.get("permissions", document.get("permissions"))
    permissions = granted if isinstance(granted, dict) else {}
    if not _runs_code(job):
        return
    if granted == "write-all" or permissions.get("id-token") == "write":
        found = f"{where}: code of grace/* can ask for an OIDC token"
        yield fail(name, found, f"give id-token to a job that checks nothing out, or {keep_off}")
    written = sorted(k for k, v in permissions.items() if v == "write" and k != "id-token")
    if written:
        found = f"{where}: code of grace/* gets a token that writes {', '.join(map(str, written))}"
        yield warn(name, found, f"take the permission from this job, or {keep_off}")


def _load(text: str) -> Node | None:
    if len(text) > _MAX_TEXT:
        return None
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, dict) else None


def _mapping(value: object) -> Node:
    return value if isinstance(value, dict) else {}


def _triggers(document: Node) -> dict[str, Node]:
    """Read `on`, which YAML 1.1 takes for true."""
    given = document.get("on", document.get(True))
    if isinstance(given, dict):
        return {str(name): _mapping(filters) for name, filters in given.items()}
    names = given if isinstance(given, list) else [given]
    return {str(name): {} for name in names if name}


def _reaching(triggers: Mapping[str, Node], base: str) -> frozenset[str]:
    """Name the triggers by which code of a work branch runs."""
    found = set()
    for name in _ON_WORK:
        filters = triggers.get(name)
        if filters is None:
            continue
        only_tags = {"tags", "tags-ignore"} & set(filters) and not _branches(filters)
        if not only_tags and passes(filters, WORK):
            found.add(name)
    pull = triggers.get("pull_request")
    if pull is not None and passes(pull, base):
        found.add("pull_request")
    return frozenset(found)


def _branches(filters: Node) -> set[str]:
    return {"branches", "branches-ignore"} & set(filters)


def passes(filters: Node, branch: str) -> bool:
    """Tell whether a trigger's branch filters let a branch through; the last match wins."""
    if "branches-ignore" in filters:
        return not any(matches(p, branch) for p in _strings(filters["branches-ignore"]))
    if "branches" not in filters:
        return True
    through = False
    for pattern in _strings(filters["branches"]):
        if matches(pattern.removeprefix("!"), branch):
            through = not pattern.startswith("!")
    return through


def matches(pattern: str, name: str) -> bool:
    """Match a name by GitHub's filter patterns: `*` stays in a segment, `**` does not."""
    parts = []
    for token in re.findall(r"\*\*|\[[^\]]*\]|\\.|.", pattern, re.DOTALL):
        match token:
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?" | "+":
                parts.append(token if parts else re.escape(token))
            case _ if token.startswith("[") and len(token) > 2:  # noqa: PLR2004 - not empty
                parts.append(token)
            case _:
                parts.append(re.escape(token.removeprefix("\\")))
    try:
        return re.fullmatch("".join(parts), name) is not None
    except re.error:
        return True  # what cannot be read is taken to match: the branch may be reached


def _excluded(condition: str) -> frozenset[str]:
    """Name the triggers that a job's `if` shuts out for work branches; only plain conjunctions."""
    if "||" in condition or "!(" in condition.replace(" ", ""):
        return frozenset()
    everything = {*_ON_WORK, "pull_request"}
    out: set[str] = set()
    if _IS_OTHER_REF.search(condition):
        out |= everything
    for comparison, event in _EVENT.findall(condition):
        out |= {event} if comparison == "!=" else everything - {event}
    for name in _NOT_GRACE.findall(condition):
        out |= {"pull_request"} if name == "head_ref" else set(_ON_WORK)
    return frozenset(out)


def _checks_out_head(job: Node) -> bool:
    for step in _steps(job):
        given = _mapping(step.get("with"))
        checkout = str(step.get("uses", "")).startswith("actions/checkout@")
        if checkout and any(_HEAD.search(str(given.get(k, ""))) for k in ("ref", "repository")):
            return True
        script = str(step.get("run", ""))
        if "gh pr checkout" in script or (_FETCH.search(script) and _HEAD.search(script)):
            return True
    return False


def _runs_code(job: Node) -> bool:
    """Tell whether a job has the repository's code: it checks out, or calls another workflow."""
    uses = [str(step.get("uses", "")) for step in _steps(job)]
    return "uses" in job or any(u.startswith(("actions/checkout@", "./")) for u in uses)


def _steps(job: Node) -> list[Node]:
    listed = job.get("steps")
    return [step for step in listed if isinstance(step, dict)] if isinstance(listed, list) else []


def _uses_secret(node: object) -> bool:
    return any(
        _SECRET.search(expression)
        for text in _texts(node, set())
        for expression in _EXPRESSION.findall(text)
    )


def _texts(node: object, seen: set[int]) -> Iterator[str]:
    """Walk all strings once, however often an anchor repeats them."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list) and id(node) not in seen:
        seen.add(id(node))
        for child in node.values() if isinstance(node, dict) else node:
            yield from _texts(child, seen)


def _strings(value: object) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
