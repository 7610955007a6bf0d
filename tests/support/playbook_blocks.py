"""The blocks of the documentation that the table of actions writes."""

from grace.domain.playbooks.action import ActionSpec, Param
from grace.domain.playbooks.specs import ACTIONS


def _param(param: Param) -> str:
    if param.choices:
        wanted = " or ".join(f"`{c}`" for c in param.choices)
    elif param.default is None:
        wanted = "must be given"
    else:
        wanted = f"`{param.default}`" if param.default != "" else "empty"
    return f"`{param.name}` ({wanted})"


def _needs(spec: ActionSpec) -> str:
    return spec.risk.value + (", a named person" if spec.person else "")


def actions() -> str:
    """List every action: what it does, how grave it is, whether it can be taken back."""
    rows = ["| action | targets | what it does | risk | touches | undo | parameters |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for name in sorted(ACTIONS):
        spec = ACTIONS[name]
        cells = (
            f"`{name}`",
            ", ".join(kind.value for kind in spec.kinds),
            spec.words,
            _needs(spec),
            spec.radius.value,
            "yes" if spec.undo else "no",
            ", ".join(map(_param, spec.params)),
        )
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


PLAYBOOK_BLOCKS = {"actions": actions}
