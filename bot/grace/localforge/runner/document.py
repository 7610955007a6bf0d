"""Reading a workflow file: YAML as GitHub reads it, with limits, into plain values."""

import re
from collections.abc import Iterator, Mapping

import yaml

from grace.localforge.runner.errors import WorkflowInvalid

MAX_BYTES = 512 * 1024
MAX_NODES = 50_000
_BOOL = "tag:yaml.org,2002:bool"


class WorkflowLoader(yaml.SafeLoader):
    """YAML 1.2's booleans: `on` is a word and a key, never True."""

    yaml_implicit_resolvers = {
        **{
            first: [(tag, regexp) for tag, regexp in resolvers if tag != _BOOL]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        },
        **{
            first: [(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"))]
            for first in "tTfF"
        },
    }


def compose(source: bytes) -> yaml.MappingNode:
    """Parse a workflow file into YAML nodes, which keep every scalar as it was written.

    Refuses what is too large, has a duplicate key, or is not one mapping.
    """
    if len(source) > MAX_BYTES:
        raise WorkflowInvalid(f"the workflow file is larger than {MAX_BYTES} bytes")
    try:
        root = yaml.compose(source.decode(), Loader=WorkflowLoader)
    except UnicodeDecodeError as error:
        raise WorkflowInvalid("the workflow file is not UTF-8") from error
    except yaml.YAMLError as error:
        raise WorkflowInvalid(f"the workflow file is not YAML: {error}") from error
    except RecursionError as error:
        raise WorkflowInvalid("the workflow file is nested too deeply") from error
    if not isinstance(root, yaml.MappingNode):
        raise WorkflowInvalid("the workflow file is not a mapping of `on` and `jobs`")
    _check(root)
    return root


def construct(root: yaml.MappingNode) -> Mapping[str, object]:
    """Turn nodes into plain values."""
    loader = WorkflowLoader("")
    try:
        values: object = loader.construct_document(root)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise WorkflowInvalid(f"the workflow file is not YAML: {error}") from error
    finally:
        loader.dispose()
    return mapping(values, "the workflow file")


def mapping(value: object, what: str) -> Mapping[str, object]:
    """Return a mapping with text keys, or say that `what` is not one."""
    if not isinstance(value, dict):
        raise WorkflowInvalid(f"{what} is not a mapping")
    return {str(key): item for key, item in value.items()}


def strings(value: object, what: str) -> tuple[str, ...]:
    """Return a text or a list of texts as a tuple; None is empty."""
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case list() if all(isinstance(item, str | int | float) for item in value):
            return tuple(str(item) for item in value)
        case _:
            raise WorkflowInvalid(f"{what} is neither a word nor a list of words")


def children(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the keys and value nodes of a mapping node; nothing for any other node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value


def _check(root: yaml.Node) -> None:
    """Walk the tree as written, aliases followed, and refuse what a reader could not survive."""
    pending, seen = [root], 0
    while pending:
        node = pending.pop()
        seen += 1
        if seen > MAX_NODES:
            raise WorkflowInvalid(f"the workflow file has more than {MAX_NODES} nodes")
        if isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise WorkflowInvalid(f"line {key.start_mark.line + 1}: a key is not a word")
                if key.value in keys:
                    line = key.start_mark.line + 1
                    raise WorkflowInvalid(f"line {line}: `{key.value}` is defined twice")
                keys.add(key.value)
                pending.append(value)
