"""What people ask for in flow tests: patches of a miniature service, and the issues that carry them."""

import difflib
from dataclasses import dataclass

from support.flow_ci import MUST_PASS

WINDOW_MINUTES = 0.05
SERVICE = '''"""A service in miniature: what CI would measure, and what production would show."""

DELAY_MS = 480
WORKS = True
LIVE_MS = 20
'''
OTHER = "LEFT = 1\nRIGHT = 2\n"


def diff(path: str, before: str, after: str) -> str:
    """Write a unified diff of one file."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(lines)


def service_patch(**values: object) -> str:
    """Write a patch that sets constants of the miniature service."""
    after = SERVICE
    for name, new in values.items():
        old = next(line for line in SERVICE.splitlines() if line.startswith(f"{name} = "))
        after = after.replace(old, f"{name} = {new}")
    return diff("app.py", SERVICE, after)


GOOD = service_patch(DELAY_MS=20)
WRONG = service_patch(WORKS=False)
REGRESSING = service_patch(DELAY_MS=20, LIVE_MS=500)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mission that a test files. `candidates` are diffs, named first, second …"""

    candidates: tuple[str, ...] = (GOOD,)
    severity: str = "high"
    subsystem: str = "mesh"
    window: float = WINDOW_MINUTES
    targets: tuple[str, ...] = ("mesh.latency_p95 < 100",)
    must_pass: tuple[str, ...] = (MUST_PASS,)

    def body(self) -> str:
        """Write the issue's body in the form of the template."""
        names = [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
        ]
        patches = "\n\n".join(
            f"```diff name={n}\n{d}```" for n, d in zip(names, self.candidates, strict=False)
        )
        answers = {
            "Subsystem": self.subsystem,
            "Severity": self.severity,
            "What is wrong": "Delivery is slow.",
            "Symptoms": "```yaml\n- description: p95 is far too high\n```",
            "Must-pass tests": "\n".join(self.must_pass),
            "Metric targets": "\n".join(f"{t} over {self.window:g}m" for t in self.targets),
            "Observation window (minutes)": f"{self.window:g}",
            "Patch candidates": patches,
            "Governance approval": "no",
        }
        return "\n\n".join(f"### {k}\n\n{v}" for k, v in answers.items()) + "\n"
