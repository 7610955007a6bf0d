"""Which controls each gate and condition is evidence of.

Sources: ISO/IEC 27001:2022 Annex A; AICPA Trust Services Criteria 2017 with the points of focus
revised in 2022 (SOC 2); NIST SP 800-53 revision 5.
"""

_CHANGE = ("ISO27001:A.8.32", "SOC2:CC8.1", "NIST800-53:CM-3")
_TEST = ("ISO27001:A.8.29", "SOC2:CC8.1", "NIST800-53:SA-11")
_DUTIES = ("ISO27001:A.5.3", "SOC2:CC6.3", "NIST800-53:AC-5")
_ACCESS = ("ISO27001:A.8.4", "SOC2:CC6.1", "NIST800-53:CM-5")
_INTEGRITY = ("ISO27001:A.8.26", "SOC2:CC7.1", "NIST800-53:SI-7")
_CAPACITY = ("ISO27001:A.8.6", "SOC2:A1.1", "NIST800-53:SC-5")
_MONITORING = ("ISO27001:A.8.16", "SOC2:CC7.2", "NIST800-53:SI-4")
_INCIDENT = ("ISO27001:A.5.26", "SOC2:CC7.4", "NIST800-53:IR-4")
_VULNERABILITY = ("ISO27001:A.8.8", "SOC2:CC7.1", "NIST800-53:RA-5")
_PRIVILEGE = ("ISO27001:A.8.2", "SOC2:CC6.3", "NIST800-53:AC-6")

CONTROLS: dict[str, tuple[str, ...]] = {
    "tests": _TEST,
    "flake_proof": _TEST,
    "stress": _CAPACITY,
    "metrics": _MONITORING,
    "metric": _MONITORING,
    "approvals": (*_CHANGE, "NIST800-53:CM-3(2)"),
    "separation_of_duties": _DUTIES,
    "trust": _PRIVILEGE,
    "memory_scope": _PRIVILEGE,
    "roles": _PRIVILEGE,
    "security": _VULNERABILITY,
    "protected_paths": _ACCESS,
    "change_size": _CHANGE,
    "freeze": _CHANGE,
    "labels": _CHANGE,
    "attestations": ("ISO27001:A.5.21", "SOC2:CC7.1", "NIST800-53:SR-4"),
    "signed_commits": ("ISO27001:A.8.24", "SOC2:CC6.1", "NIST800-53:SI-7(15)"),
    "history": _CHANGE,
    "deployment": ("ISO27001:A.8.31", "SOC2:CC7.2", "NIST800-53:CM-4"),
    "open_capas": ("ISO27001:A.5.27", "SOC2:CC7.5", "NIST800-53:CA-5"),
    "daily_cap": _CHANGE,
    "red_on_base": _TEST,
    "weakened_tests": (*_TEST, "NIST800-53:CM-4(2)"),
    "tested_tree": _INTEGRITY,
    "wait": _CHANGE,
    "emergency": _INCIDENT,
    "merge readiness": _CHANGE,
}


def controls_of(condition: str) -> tuple[str, ...]:
    """List the controls that a gate or a kind of condition is evidence of."""
    return CONTROLS[condition]
