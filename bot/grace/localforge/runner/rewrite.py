"""The workflow file that act is given: the repository's own, fitted to a machine without Docker."""

from collections.abc import Mapping

import yaml

from grace.localforge.runner.document import children, compose
from grace.localforge.runner.workflow import Workflow

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
    jobs = dict(children(dict(children(root))["jobs"]))
    for key, job in jobs.items():
        if not isinstance(job, yaml.MappingNode):
            continue
        _put(job, "runs-on", _scalar(LABEL))
        if key in granted and id_token_env:
            _put(job, "env", _extended(dict(children(job)).get("env"), id_token_env))
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
