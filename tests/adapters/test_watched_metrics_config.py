"""A catalog whose watched metrics name what does not exist does not load."""

from pathlib import Path

import pytest

from grace.adapters.config import ConfigError, load_configuration

SUBSYSTEMS = """\
subsystems:
  mesh:
    host: forge.test
    repository: acme/mesh
"""
METRIC = """\
metrics:
  p95:
    target: 100
    comparator: "<"
    unit: ms
"""
SOURCE = "    source: {kind: host, figure: cpu_percent}\n"


def problems(folder: Path, catalog: str) -> list[tuple[int, str, str]]:
    (folder / "subsystems.yaml").write_text(SUBSYSTEMS)
    (folder / "metrics_catalog.yaml").write_text(METRIC + catalog)
    try:
        load_configuration(folder)
    except ConfigError as error:
        return [(p.line, p.field, p.problem) for p in error.problems]
    return []


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        (SOURCE + "    watch: {subsystem: mesh}\n", []),
        (
            SOURCE + "    watch:\n      subsystem: shop\n",
            [(8, "metrics.p95.watch.subsystem", "shop is no subsystem of subsystems.yaml; known are: mesh")],
        ),
        (
            "    watch: {subsystem: mesh}\n",
            [
                (
                    6,
                    "metrics.p95.watch",
                    "is given for a metric without a source for live samples; give it one, or take it away",
                )
            ],
        ),
        (
            SOURCE + "    watch: {subsystem: mesh, detectors: [burn_rate]}\n",
            [(7, "metrics.p95.watch.objective", "belongs to the detector burn_rate: give both, or neither")],
        ),
        (
            SOURCE + "    watch: {subsystem: mesh, objective: {share: 0.99}}\n",
            [(7, "metrics.p95.watch.objective", "belongs to the detector burn_rate: give both, or neither")],
        ),
        (
            "    source: {kind: forge, figure: ci_duration, subsystem: shop}\n",
            [(6, "metrics.p95.source.subsystem", "shop is no subsystem of subsystems.yaml; known are: mesh")],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(
    tmp_path: Path, catalog: str, expected: list[tuple[int, str, str]]
) -> None:
    assert problems(tmp_path, catalog) == expected
