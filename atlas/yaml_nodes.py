"""YAML as data with line numbers. Only plain data: no anchors, tags or duplicate keys."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from atlas.errors import AtlasError

MAX_BYTES = 64 << 20  # a library file of 33,000 concepts is about 20 MiB


@dataclass(frozen=True, slots=True)
class Node:
    """A value with the line it stands on (1-based). ``value`` is a scalar, a list of Nodes or a dict of Nodes."""

    value: Any
    line: int


def read(path: Path) -> Node:
    """The document of a YAML file.

    Raises:
        AtlasError: with file and line, for anything that is not one plain YAML document.
    """
    if path.stat().st_size > MAX_BYTES:
        raise AtlasError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; split it by area")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AtlasError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("<<<<<<<", ">>>>>>>", "=======")):
            raise AtlasError(f"{path}:{number}: merge conflict marker; resolve the conflict first")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        _refuse_anchors(text, path)
        composed = loader.get_single_node()
        if composed is None:
            return Node(None, 1)
        return _node(composed, loader, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.line + 1 if mark else 1
        raise AtlasError(f"{path}:{at}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise AtlasError(f"{path}: not valid YAML: {error}") from None
    finally:
        loader.dispose()


def _refuse_anchors(text: str, path: Path) -> None:
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        anchored = getattr(event, "anchor", None)
        if anchored is not None:
            raise AtlasError(f"{path}:{event.start_mark.line + 1}: anchors and aliases are not used here; write it out")


def _node(node: yaml.Node, loader: Any, path: Path) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Node(loader.construct_object(node), line)
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(child, loader, path) for child in node.value], line)
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[Any, Node] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise AtlasError(f"{path}:{key_node.start_mark.line + 1}: a key must be a plain word")
        key = loader.construct_object(key_node)
        if key in mapping:
            raise AtlasError(f"{path}:{key_node.start_mark.line + 1}: key {key!r} is here twice; keep one")
        mapping[key] = _node(value_node, loader, path)
    return Node(mapping, line)
