"""YAML as data with line numbers. Only plain data: no anchors, tags or duplicate keys."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import Reader

from atlas.errors import AtlasError

MAX_DEPTH = 100  # no file of Atlas nests deeper than ten levels; Python's own limit ends in no readable message
MAX_BYTES = 64 << 20  # a library file of 33,000 concepts is about 20 MiB
NON_PRINTABLE = Reader.NON_PRINTABLE  # what YAML does not allow outside of escapes


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its line (1-based): that of its key where it has one.

    ``value`` is a scalar, a list of Nodes or a dict of Nodes.
    """

    value: Any
    line: int


def read(path: Path) -> Node:
    """The document of a YAML file.

    Raises:
        AtlasError: with file and line, for anything that is not one plain YAML document.
    """
    if path.stat().st_size > MAX_BYTES:
        raise AtlasError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; split it by area")
    raw = path.read_bytes()
    try:
        text = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise AtlasError(f"{path}:{line}: is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    if unprintable := NON_PRINTABLE.search(text):
        line = text.count("\n", 0, unprintable.start()) + 1
        raise AtlasError(f"{path}:{line}: holds the control character {unprintable[0]!r}; take it out, or escape it")
    for number, words in enumerate(text.split("\n"), 1):
        if words.startswith(("<<<<<<<", ">>>>>>>", "=======")):
            raise AtlasError(f"{path}:{number}: merge conflict marker; resolve the conflict first")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        _refuse_all_but_data(text, path)
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


def _refuse_all_but_data(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        where = f"{path}:{event.start_mark.line + 1}"
        if getattr(event, "anchor", None) is not None:
            raise AtlasError(f"{where}: anchors and aliases are not used here; write it out")
        if getattr(event, "tag", None) is not None:
            raise AtlasError(f"{where}: tags ({event.tag}) are not used here; write the value alone")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise AtlasError(f"{where}: is nested deeper than {MAX_DEPTH} levels")


def _scalar(node: yaml.ScalarNode, loader: Any, path: Path) -> Any:
    try:
        return loader.construct_object(node)
    except (ValueError, OverflowError) as error:  # a date or number that looks like one but is none
        raise AtlasError(f"{path}:{node.start_mark.line + 1}: {node.value!r}: {error}; put it in quotes") from None


def _node(node: yaml.Node, loader: Any, path: Path) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Node(_scalar(node, loader, path), line)
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(child, loader, path) for child in node.value], line)
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[Any, Node] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise AtlasError(f"{path}:{key_node.start_mark.line + 1}: a key must be a plain word")
        key, key_line = _scalar(key_node, loader, path), key_node.start_mark.line + 1
        if key in mapping:
            raise AtlasError(f"{path}:{key_line}: key {key!r} is here twice; keep one")
        mapping[key] = Node(_node(value_node, loader, path).value, key_line)
    return Node(mapping, line)
