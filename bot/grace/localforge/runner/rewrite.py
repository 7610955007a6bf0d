"""The workflow file that act is given: the repository's own, fitted to a machine without Docker."""

from collections.abc import Iterable, Iterator, Mapping

import yaml

from grace.localforge.runner import calls
from grace.localforge.runner.document import children, compose
from grace.localforge.runner.workflow import Job, Workflow

LABEL = "ubuntu-latest"
_STRING = "tag:yaml.org,2002:str"


def rewrite(source: bytes, workflow: Workflow, id_token_env: Mapping[str, str]) -> bytes:
    """Map every `runs-on` to the one label the runner serves, and hand out the OIDC request.

    The request's URL and token go to the jobs that have `id-token: write` and to no others, as
    on GitHub; act itself would give them to every job. Works on YAML nodes, so that `3.10` stays
    what was written.
    """
    root = compose(source)
    granted = {job.key for job in workflow.jobs if job.id_token}
    called = {call.key for call in workflow.calls}
    for key, job in _jobs(root):
        if key in called:
            _call(job, key)
        else:
            _fit(job, id_token_env if key in granted else {})
    return _written(root)


def rewrite_called(source: bytes, jobs: Iterable[Job], oidc: Iterable[str]) -> bytes:
    """Fit a called workflow likewise; it stays on disk, so it names the secrets with the request.

    `oidc` are the variables of the OIDC request, which are secrets of the same names.
    """
    root = compose(source)
    granted = {job.id for job in jobs if job.id_token}
    env = {name: f"${{{{ secrets.{name} }}}}" for name in oidc}
    for key, job in _jobs(root):
        _fit(job, env if key in granted else {})
    return _written(root)


def _jobs(root: yaml.MappingNode) -> Iterator[tuple[str, yaml.MappingNode]]:
    for key, job in children(dict(children(root))["jobs"]):
        if isinstance(job, yaml.MappingNode):
            yield key, job


def _fit(job: yaml.MappingNode, env: Mapping[str, str]) -> None:
    _put(job, "runs-on", _scalar(LABEL))
    if env:
        _put(job, "env", _extended(dict(children(job)).get("env"), env))


def _call(job: yaml.MappingNode, key: str) -> None:
    """Let a job call the copy of its workflow, under a name by which act's records tell of it."""
    _put(job, "uses", _scalar(f"./{calls.place_of(key)}"))
    _put(job, "name", _scalar(calls.mark_of(key)))
    secrets = dict(children(job)).get("secrets")
    if isinstance(secrets, yaml.ScalarNode) and secrets.value == "inherit":
        return
    passed = {name: f"${{{{ secrets.{name} }}}}" for name in calls.ALWAYS_PASSED}
    _put(job, "secrets", _extended(secrets, passed))


def _written(root: yaml.MappingNode) -> bytes:
    return yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True, width=10**9).encode()


def _scalar(text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode(_STRING, text, style="'")


def _extended(env: yaml.Node | None, extra: Mapping[str, str]) -> yaml.MappingNode:
    pairs = [] if env is None or not isinstance(env, yaml.MappingNode) else list(env.value)
    pairs = [(key, value) for key, value in pairs if key.value not in extra]
    pairs += [(_scalar(key), _scalar(value)) for key, value in extra.items()]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs)


def _put(node: yaml.MappingNode, name: str, value: yaml.Node) -> None:
    node.value = [(k, value if k.value == name else v) for k, v in node.value]
    if name not in dict(children(node)):
        node.value.append((_scalar(name), value))
