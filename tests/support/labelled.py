"""Labelled code: files that have a weakness, twins that have not, and what scanners say of them.

A file counts as found where a finding's weakness is that of its label, or of the same family.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import yaml

from grace.ci.findings import Level, Raw, scored
from grace.ci.rules import RULES
from grace.ci.scanners import SCANNERS, Scanner

OF_THAT, ERRORS, ANY = "findings of that weakness", "errors of that weakness", "any finding"
CASES = Path(__file__).parents[1] / "ci/cases"
# Weaknesses that MITRE relates as parent and child, or that scanners number differently.
FAMILIES = (
    {20, 22, 78, 79, 89, 94, 113, 117, 502, 601, 643, 918, 943, 1333},
    {22, 23, 36, 73, 99, 434, 641},
    {77, 78, 88},
    {94, 95, 470, 1336},
    {79, 80, 116},
    {93, 113},
    {117, 93, 116},
    {89, 943, 564},
    {90, 943},
    {200, 209, 489, 215, 532},
    {94, 489, 215},
    {256, 312, 313, 315, 319, 522, 523, 532},
    {259, 321, 522, 798},
    {295, 297, 299, 599},
    {326, 327, 328, 780},
    {327, 759, 760, 916, 328},
    {327, 329, 1204},
    {330, 331, 335, 338, 339, 340, 1241},
    {345, 347},
    {352, 1275},
    {377, 378, 379, 367},
    {400, 730, 770, 835, 1333},
    {611, 776, 827, 20},
    {208, 385, 256, 522},
    {614, 1004, 1275},
    {605, 1327},
    {264, 269, 284, 250, 285, 732},
    {502, 915},
    {703, 252},
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A file; `cwe` is the weakness that it has, or, where not `bad`, that it could have had."""

    name: str
    cwe: int
    bad: bool
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """Files told right and wrong, and the bad ones not told of."""

    right: int
    wrong: int
    missed: int

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0


def own_cases() -> list[Labelled]:
    """Read the pairs of this repository."""
    found = []
    for file in sorted(CASES.glob("*.yaml")):
        for each in yaml.safe_load(file.read_text()):
            found += [
                Labelled(each["name"], each["cwe"], kind == "bad", each[kind])
                for kind in ("bad", "good")
            ]
    return found


def security_eval(clone: Path) -> list[Labelled]:
    """Read the insecure samples of a clone of SecurityEval: one file each, all of them bad."""
    root = clone / "Testcases_Insecure_Code"
    return [
        Labelled(
            str(file.relative_to(root)),
            int(file.parent.name.removeprefix("CWE-")),
            bad=True,
            text=file.read_text("utf-8"),
        )
        for file in sorted(root.rglob("*.py"))
    ]


def held_out(sample: Labelled) -> bool:
    """Tell whether nobody looked at a sample while the rules were written: half, by its name."""
    return int(hashlib.sha256(sample.name.encode()).hexdigest(), 16) % 2 == 1


def told(files: Sequence[Labelled], scanner: Scanner) -> list[list[Raw]]:
    """Return what a scanner finds in each file."""
    found: list[list[Raw]] = [[] for _ in files]
    with tempfile.TemporaryDirectory() as folder:
        for n, file in enumerate(files):
            (Path(folder) / f"{n:04}.py").write_text(file.text, "utf-8")
        for raw in scanner.scan(Path(folder), 300):
            if raw.rule != "unread":
                found[int(Path(raw.path).stem)].append(raw)
    return found


def weaknesses(said: Sequence[Sequence[Raw]], least: Level = Level.NOTE) -> list[set[int]]:
    """Return the weaknesses of what is this bad or worse, by file; 0 for one without a number."""
    return [{raw.about.cwe or 0 for raw in raws if raw.level.rank >= least.rank} for raws in said]


def related(one: int, other: int) -> bool:
    """Tell whether two weaknesses are the same or of one family."""
    return one == other or any({one, other} <= family for family in FAMILIES)


def score(files: Sequence[Labelled], said: Sequence[set[int]], *, matching: bool) -> Score:
    """Count files: `matching` asks for a finding of the label's family, else any finding counts."""
    hit = [
        any(related(file.cwe, cwe) for cwe in cwes) if matching else bool(cwes)
        for file, cwes in zip(files, said, strict=True)
    ]
    bad = [file.bad for file in files]
    return Score(
        right=sum(h and b for h, b in zip(hit, bad, strict=True)),
        wrong=sum(h and not b for h, b in zip(hit, bad, strict=True)),
        missed=sum(b and not h for h, b in zip(hit, bad, strict=True)),
    )


def measured(files: Sequence[Labelled]) -> dict[tuple[str, str], Score]:
    """Score bandit, our own rules, and Hunter whole: by findings of the weakness, by any, by errors.

    Where no file is good, a bad file that was told of for another weakness alone counts as wrong.
    """
    scanners = [scanner for scanner in SCANNERS if scanner.name != "zizmor"]
    by_name = {scanner.name: told(files, scanner) for scanner in scanners}
    said = {
        "bandit alone": by_name["bandit"],
        "Hunter's own rules alone": by_name["grace"],
        "Hunter": [list(chain(*each)) for each in zip(*by_name.values(), strict=True)],
    }
    twins = not all(file.bad for file in files)
    scores: dict[tuple[str, str], Score] = {}
    for what in (OF_THAT, ERRORS, ANY):
        for name, raws in said.items():
            found = weaknesses(raws, Level.ERROR if what == ERRORS else Level.NOTE)
            loose = score(files, found, matching=False)
            strict = loose if what == ANY else score(files, found, matching=True)
            wrong = strict.wrong if twins else loose.right - strict.right
            scores[name, what] = replace(strict, wrong=wrong)
    return scores


def table(rows: Mapping[tuple[str, str], Score], *, twins: bool = True) -> str:
    """Write scores as a table in Markdown; without good `twins`, any finding is right."""
    lines = [
        "| scanner | counts | found | missed | false | recall | precision |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (name, what), s in rows.items():
        told = twins or what != ANY
        wrong, precision = (f"{s.wrong}", f"{s.precision:.0%}") if told else ("", "")
        cells = (name, what, f"{s.right}", f"{s.missed}", wrong, f"{s.recall:.0%}", precision)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cases_table() -> str:
    """Measure the pairs of this repository."""
    return table(measured(own_cases()))


def rules_table() -> str:
    """List our own rules."""
    lines = ["| rule | finds | weakness | severity |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{rule.id}` | {rule.name} | CWE-{rule.cwe} | {scored(rule.score)} |"
        for rule in RULES.values()
    ]
    return "\n".join(lines)
