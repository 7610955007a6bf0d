"""Conditions on the patch itself: paths, size, weakened checks, findings, commits, artifacts."""

import re

from grace.domain import gates
from grace.domain.governance_events import AttestedArtifact
from grace.domain.inspection import Inspection
from grace.domain.patch_bounds import compiled
from grace.domain.results import MAX_FINDINGS, CIReport, Finding, ScanReport
from grace.domain.rules.case import Case
from grace.domain.rules.language import (
    Attestations,
    ChangeSize,
    History,
    ProtectedPaths,
    Security,
    WeakenedTests,
)
from grace.domain.rules.paths import few
from grace.domain.rules.testing import AUTHOR, CI, unreported
from grace.domain.verdict import Condition, Result, all_of, leaf

SCAN = "hunter"  # whose jobs `tests.jobs` names where they are not called so


def unread(name: str) -> Condition:
    """Say that the patch was not read yet."""
    return leaf(name, Result.PENDING, "the patch is being read", "Grace")


def protected_paths(wanted: ProtectedPaths, case: Case) -> Condition:
    """Judge whether the patch stays away from some paths."""
    name = "protected paths"
    if case.inspection is None:
        return unread(name)
    touched = case.paths.matching(wanted.paths)
    if touched:
        return leaf(name, Result.FAIL, f"changes {few(touched)}", AUTHOR)
    return leaf(name, Result.PASS, f"nothing of {few(wanted.paths)} is changed")


def change_size(wanted: ChangeSize, case: Case) -> Condition:
    """Judge files, and lines added and removed."""
    name, read = "change size", case.inspection
    if read is None:
        return unread(name)
    over = wanted.files is not None and len(read.files) > wanted.files
    over = over or (wanted.lines is not None and read.lines > wanted.lines)
    limits = [f"{wanted.files} files"] if wanted.files is not None else []
    limits += [f"{wanted.lines} lines"] if wanted.lines is not None else []
    words = f"{len(read.files)} files, {read.lines} lines; at most {', '.join(limits)}"
    return leaf(name, Result.FAIL if over else Result.PASS, words, AUTHOR)


def weakened_tests(wanted: WeakenedTests, case: Case) -> Condition:
    """Judge whether the patch makes its own judgement easier; each finding has its place."""
    name, read = "weakened tests", case.inspection
    if read is None:
        return unread(name)
    bad = [w for w in read.weakenings if w.kind not in wanted.allow]
    unlisted = max(0, read.weakened - len(read.weakenings))
    if not bad and not unlisted:
        return leaf(name, Result.PASS, "no test, threshold, check, workflow or policy is weaker")
    listed = "; ".join(f"{w.file}:{w.line} {w.message}" for w in bad[:3])
    more = len(bad) - len(bad[:3]) + unlisted
    words = f"{listed}; and {more} more" if more and listed else listed or f"{more} not listed"
    return leaf(name, Result.FAIL, words, AUTHOR)


def security(wanted: Security, case: Case) -> Condition:
    """Judge what scanners found that the base has not, but for what a waiver covers."""
    report = case.report
    if report is None:
        return unreported("security", case)
    if case.inspection is None:
        return unread("security")
    scans = [s for s in report.scans if s.subject == "head"]
    if not scans:
        return leaf("security", Result.NO_DATA, "the report has no security scan", CI)
    children = [_scanned(scan, report, case) for scan in scans]
    children.append(_findings(wanted, scans, case.inspection, case))
    ran = {tool.strip().partition(" ")[0].lower() for scan in scans for tool in scan.tools}
    missing = tuple(tool for tool in wanted.tools if tool.lower() not in ran)
    if missing:
        children.append(leaf("tools", Result.NO_DATA, f"did not run: {few(missing)}", CI))
    if case.inspection.waiver_problems:
        problems = few(case.inspection.waiver_problems)
        children.append(leaf("waivers", Result.NO_DATA, problems, "a maintainer, on the base"))
    return all_of("security", tuple(children))


def _scanned(scan: ScanReport, report: CIReport, case: Case) -> Condition:
    """Judge whether a scan ran to its end and was compared with this very base."""
    name = f"scan {scan.job}"
    jobs = case.governance.tests.jobs.get(SCAN, (SCAN,))
    if scan.job not in jobs:
        # Tested code can leave a scan among its own results; only these jobs run none of it.
        reason = f"governance takes scans of {', '.join(jobs)} alone"
        return leaf(name, Result.NO_DATA, reason, "an operator, in tests.jobs of governance.yaml")
    if scan.base_sha is not None and scan.base_sha != report.base_sha:
        reason = f"was compared with {scan.base_sha[:10]}, which is not the base"
        return leaf(name, Result.NO_DATA, reason, CI)
    check = gates.check_of(case.facts, report, scan.job, case.policy)
    if check is None or check.conclusion is None:
        return leaf(name, Result.PENDING, "the forge does not say that its job has ended", CI)
    # A job that is red because of what it found has run all the same.
    if check.conclusion in {"success", "failure"}:
        compared = "with the base" if scan.base_sha is not None else "with nothing: all is new"
        return leaf(name, Result.PASS, f"compared {compared}")
    return leaf(name, Result.NO_DATA, f"its job ended with {check.conclusion}", CI)


def _findings(wanted: Security, scans: list[ScanReport], read: Inspection, case: Case) -> Condition:
    name = f"findings of severity {wanted.severity.value} or worse"
    grave = [
        f
        for scan in scans
        for f in scan.findings
        if f.new and f.severity.rank <= wanted.severity.rank
    ]
    waivers = read.waivers.waivers
    held = [f for f in grave if not any(w.covers(f, case.now) for w in waivers)]
    waived = f", {len(grave) - len(held)} waived" if len(grave) > len(held) else ""
    if held:
        listed = "; ".join(_told(f) for f in held[:3])
        more = f"; and {len(held) - 3} more" if len(held) > len(held[:3]) else ""
        return leaf(name, Result.FAIL, f"{len(held)} new{waived}: {listed}{more}", AUTHOR)
    if any(scan.new > MAX_FINDINGS for scan in scans):
        return leaf(name, Result.FAIL, "there are more new findings than can be listed", AUTHOR)
    return leaf(name, Result.PASS, f"none that the base has not{waived}")


def _told(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line} " if finding.file else ""
    return f"{place}{finding.tool} {finding.rule}"


def signed_commits(case: Case) -> Condition:
    """Judge whether every commit of the change carries a good signature."""
    name, read = "signed commits", case.inspection
    if read is None:
        return unread(name)
    if not read.commits:
        return leaf(name, Result.NO_DATA, "no commit was read", "Grace")
    bad = tuple(f"{c.sha[:10]} ({c.signature})" for c in read.commits if c.signature != "good")
    if bad:
        return leaf(name, Result.FAIL, f"no good signature: {few(bad)}", AUTHOR)
    return leaf(name, Result.PASS, f"{len(read.commits)} of {len(read.commits)}")


def history(wanted: History, case: Case) -> Condition:
    """Judge the shape of history: of the change, and of how it would be merged."""
    name, read = f"{wanted.kind} history", case.inspection
    method = case.governance.merge_method
    if read is None:
        return unread(name)
    if wanted.kind == "merge":
        result = Result.PASS if method == "merge" else Result.FAIL
        return leaf(name, result, f"governance merges by {method}", "an operator")
    if method == "merge":
        reason = "governance makes a merge commit: set merge_method to squash or rebase"
        return leaf(name, Result.FAIL, reason, "an operator")
    merges = tuple(c.sha[:10] for c in read.commits if len(c.parents) != 1)
    if not read.commits:
        return leaf(name, Result.NO_DATA, "no commit was read", "Grace")
    if merges:
        return leaf(name, Result.FAIL, f"not one parent: {few(merges)}", AUTHOR)
    return leaf(name, Result.PASS, f"one parent each, merged by {method}")


def attestations(wanted: Attestations, case: Case) -> Condition:
    """Judge the verified bundles of build artifacts: who signed them, over which digest."""
    report = case.report
    if report is None:
        return unreported("attestations", case)
    globs = [compiled(glob) for glob in wanted.artifacts]
    names = [a.name for a in report.artifacts if any(g.fullmatch(a.name) for g in globs)]
    if not names:
        reason = f"CI reported no artifact of {few(wanted.artifacts)}"
        return leaf("attestations", Result.NO_DATA, reason, CI)
    known = case.facts.attested.get(report.head_sha)
    if known is None:
        return leaf("attestations", Result.PENDING, "the bundles are being verified", "Grace")
    return all_of("attestations", tuple(_attested(wanted, name, case) for name in names))


def _attested(wanted: Attestations, name: str, case: Case) -> Condition:
    report = case.report
    assert report is not None  # asked before
    digests = {a.sha256 for a in report.artifacts if a.name == name}
    found = [a for a in case.facts.attested[report.head_sha] if a.name == name]
    if len(found) != 1 or {found[0].sha256} != digests:
        return leaf(name, Result.NO_DATA, "no bundle of this digest was verified", CI)
    if found[0].problem:
        return leaf(name, Result.FAIL, found[0].problem, CI)
    signer = found[0].identity
    prefix = wanted.identity.removesuffix("*")
    same = signer.startswith(prefix) if wanted.identity.endswith("*") else signer == prefix
    if not same or found[0].issuer != wanted.issuer:
        reason = f"signed by {signer} ({found[0].issuer}), not by {wanted.identity}"
        return leaf(name, Result.FAIL, reason, CI)
    return _of_this_change(found[0], case) or leaf(name, Result.PASS, f"signed by {signer}")


def _of_this_change(found: AttestedArtifact, case: Case) -> Condition | None:
    """Refuse a statement about another repository, pull request or commit, where it names them.

    A run for a pull request is of a merge commit that the forge makes up, so that only the number
    of the pull request can be compared there.
    """
    ref, pull = case.mission.ref, case.mission.pull
    own = f"https://{ref.host}/{ref.repository}".lower()
    if found.repository and found.repository.lower().rstrip("/") != own:
        return leaf(found.name, Result.FAIL, f"was built in {found.repository}", CI)
    of_pull = _PULL_REF.fullmatch(found.ref)
    if of_pull is not None:
        if pull is None or int(of_pull[1]) != pull.number:
            return leaf(found.name, Result.FAIL, f"was built for {found.ref}", CI)
        return None
    if found.commit and found.commit != case.head:
        return leaf(found.name, Result.FAIL, f"was built of {found.commit[:10]}", CI)
    return None


_PULL_REF = re.compile(r"refs/pull/(\d{1,18})/(?:merge|head)")
