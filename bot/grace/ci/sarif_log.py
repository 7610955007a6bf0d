"""SARIF 2.1.0: one file for all findings, as the forge's code scanning takes it.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub Docs,
"SARIF support for code scanning" (`security-severity`, tags, one category a run).
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from grace.ci.findings import About, Finding, Level
from grace.domain.waivers import Waiver

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT: Final = "graceFingerprint/v1"
# What code scanning tells alerts apart by; it would work it out from files, which its job has not.
LINE_HASH: Final = "primaryLocationLineHash"
_SCORES: Final = {Level.ERROR: 8.0, Level.WARNING: 5.5, Level.NOTE: 2.0}

Waived = Mapping[str, Waiver]


def written(
    findings: Sequence[Finding],
    tools: Sequence[tuple[str, str]],
    *,
    compared: bool,
    waived: Waived | None = None,
) -> dict[str, object]:
    """Return a SARIF log with one run a tool; `tools` are names with versions.

    `waived` maps fingerprints to the waivers that suppress these findings.
    """
    runs = []
    for name, version in tools:
        mine = [each for each in findings if each.tool == name]
        rules = sorted({each.rule for each in mine})
        driver: dict[str, object] = {"name": name, "rules": [_rule(r, mine) for r in rules]}
        if version:
            driver["version"] = version
        results = [
            _result(each, rules.index(each.rule), compared=compared, waived=waived or {})
            for each in mine
        ]
        runs.append(
            {
                "tool": {"driver": driver},
                "automationDetails": {"id": f"grace-hunter/{quote(name, safe='')}/"},
                "columnKind": "utf16CodeUnits",
                "results": results,
            }
        )
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}


def _rule(rule: str, findings: Sequence[Finding]) -> dict[str, object]:
    """Describe a rule by what its findings say of it; it is as bad as the worst of them."""
    mine = [each for each in findings if each.rule == rule]
    score = max(_SCORES[f.level] if f.score is None else f.score for f in mine)
    about = next((f.about for f in mine if f.about != About()), About())
    title = about.title or rule
    advice = about.advice or mine[0].message or title
    tags = ["security"]
    if about.cwe is not None:
        tags.append(f"external/cwe/cwe-{about.cwe:03}")
    told: dict[str, object] = {
        "id": rule,
        "name": title,
        "shortDescription": {"text": title},
        "fullDescription": {"text": advice},
        "help": {"text": advice},
        "defaultConfiguration": {"level": max((f.level for f in mine), key=_rank).value},
        "properties": {"tags": tags, "security-severity": f"{score:.1f}"},
    }
    if about.url:
        told["helpUri"] = about.url
    return told


def _rank(level: Level) -> int:
    return level.rank


def _result(finding: Finding, index: int, *, compared: bool, waived: Waived) -> dict[str, object]:
    place = {
        "artifactLocation": {"uri": quote(finding.path)},
        "region": {"startLine": finding.line},
    }
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level.value,
        "message": {"text": finding.message or finding.rule},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {
            FINGERPRINT: finding.fingerprint,
            LINE_HASH: f"{finding.fingerprint[:16]}:1",
        },
    }
    if compared:
        result["baselineState"] = "new" if finding.new else "unchanged"
    waiver = waived.get(finding.fingerprint)
    if waiver is not None:
        justification = f"{waiver.reason} ({waiver.approved_by}, through {waiver.expires})"
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": justification}
        ]
    return result
