"""A hundred drills of real services, and healthy ones under noise beside them."""

from collections import Counter
from pathlib import Path

import pytest

from bench.figures import tell
from grace.demo.faults import FAULTS
from support.drill_campaign import Plan, campaign

PLAN = Plan(seed=6, broken=20, rounds=5, quiet=4, quiet_s=600)


def test_each_fault_comes_equally_often() -> None:
    met = Counter(fault.name for i in range(PLAN.broken) for fault in PLAN.faults(i))
    assert met == {fault.name: 20 for fault in FAULTS}


@pytest.mark.stress
async def test_missions_are_open_within_a_minute_and_noise_opens_none(tmp_path: Path) -> None:
    findings = await campaign(tmp_path, PLAN)
    tell(*findings.lines())
    table = "\n".join(findings.lines())
    assert len(findings.shots) == 100
    assert sum(shot.in_time for shot in findings.shots) >= 90, table
    assert findings.quiet == [], table
    assert findings.quiet_minutes >= 10 * PLAN.quiet
