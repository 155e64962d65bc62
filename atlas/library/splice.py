"""Edits of YAML text: only what changed is written anew, and no comment is ever dropped."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from atlas.library import render
from atlas.yaml_nodes import Node

_COMMENT = re.compile(r"(?:^|(?<=[\s,\[\]{}]))#[^\n\r]*", re.MULTILINE)
_BLOCK_HEAD = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\n\r]*)")
_MARGIN = re.compile(r"^ *(?:- +)*$")


class Odd(Exception):
    """A layout that is not edited in place: the whole is written anew, its comments above it."""


class Edit(NamedTuple):
    """Replace ``text[start:end]``."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text after edits that do not overlap; insertions at one place come in the order given."""
    out, at = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start < at:
            raise Odd
        out += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*out, text[at:]])


def edited(text: str, node: Node, value: Any) -> str:
    """The text in which a node stands, changed such that the node has this value.

    Raises:
        Odd: the node is laid out in a way that is not edited in place.
    """
    return apply(text, list(_change(text, node, value)))


def comments(text: str, node: Node, start: int, end: int) -> list[str]:
    """The comments of a stretch of text: what begins with # outside of keys and values."""
    if not _COMMENT.search(text, start, end):
        return []
    found = []
    at = start
    for leaf in [*(leaf for leaf in _leaves(node) if start <= leaf.start and leaf.end <= end), None]:
        found += [(comment.start(), comment[0]) for comment in _COMMENT.finditer(text, at, leaf.start if leaf else end)]
        if leaf is not None:
            if leaf.value in ("|", ">") and (head := _BLOCK_HEAD.match(text, leaf.start)):
                found.append((leaf.start, head[1]))
            at = max(at, leaf.end)
    return [comment.rstrip() for _, comment in found]


class _Leaf(NamedTuple):
    start: int
    end: int
    value: str


def _leaves(node: Node) -> Iterator[_Leaf]:
    """Spans of keys and scalars, in text order."""
    if node.key_end > node.key_start:
        yield _Leaf(node.key_start, node.key_end, "")
    if isinstance(node.value, dict | list):
        for child in node.value.values() if isinstance(node.value, dict) else node.value:
            yield from _leaves(child)
    else:
        yield _Leaf(node.start, node.end, node.style)


def plain(node: Node) -> Any:
    """The value of a node without places."""
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    return node.value


def _change(text: str, node: Node, value: Any) -> Iterator[Edit]:
    before = plain(node)
    if before == value and isinstance(before, bool) is isinstance(value, bool):  # True is 1 in Python
        return
    in_block = node.style != "{" and bool(node.value) and bool(value)
    if isinstance(value, dict) and isinstance(node.value, dict) and in_block:
        yield from _change_mapping(text, node.value, value)
    elif isinstance(value, list) and isinstance(node.value, list) and in_block:
        yield from _change_list(text, node.value, value)
    else:
        yield from _replace(text, node, value)


def _replace(text: str, node: Node, value: Any) -> Iterator[Edit]:
    """Write a value anew in its place. Comments inside of it go above its key."""
    start, end = node.start, _content_end(text, node.start, node.end)
    kept = comments(text, node, start, end)
    line = _line_start(text, node.key_start)
    margin = re.match(r" *", text[line:])
    assert margin is not None
    for comment in kept:
        yield Edit(line, line, f"{margin[0]}{comment}\n")
    key_column = node.key_start - line
    if isinstance(value, dict | list) and value and node.style != "{":
        if not text.startswith(":", node.key_end):
            raise Odd
        yield Edit(node.key_end + 1, end, render.after_key(value, key_column, 0))
    elif isinstance(value, dict | list):
        yield Edit(start, end, " " * (start == node.key_end + 1) + render.flow(value))
    else:
        quote = node.style if node.style in ("'", '"') and isinstance(value, str) else ""
        gap = " " if text[start - 1 : start] == ":" else ""
        new = render.scalar(value, key_column + 2, start - _line_start(text, start), quote)
        if _inside_brackets(text, node) and not quote and isinstance(value, str):
            new = render.flow([value])[1:-1]
        yield Edit(start, end, gap + new)


def _inside_brackets(text: str, node: Node) -> bool:
    """Whether a scalar might stand inside of brackets: something follows it on its line that is no comment."""
    rest = text[node.end : _line_end(text, node.end)].split("#")[0].strip()
    return bool(rest)


def _change_mapping(text: str, nodes: Mapping[Any, Node], value: Mapping[Any, Any]) -> Iterator[Edit]:
    """Lines of keys that went are taken out, values that changed replaced, new keys put where they belong."""
    kept = [key for key in nodes if key in value]
    if not kept:
        raise Odd
    for key, node in nodes.items():
        if key not in value:
            yield _without(text, node, node.key_start)
        else:
            yield from _change(text, node, value[key])
    columns = [_column(text, nodes[key].key_start) for key in nodes]
    order = list(value)
    for position, key in enumerate(order):
        if key in nodes:
            continue
        before = next((k for k in reversed(order[:position]) if k in nodes), None)
        at = nodes[before or kept[0]]
        yield _after(text, at, render.pair(key, value[key], columns[0]))


def _change_list(text: str, nodes: Sequence[Node], value: Sequence[Any]) -> Iterator[Edit]:
    """Lines of items that went are taken out, new ones put in; items that stay are not touched."""
    old, new = [repr(plain(node)) for node in nodes], [repr(item) for item in value]
    column = _dash(text, nodes[0]) - _line_start(text, nodes[0].start)
    for operation, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if operation == "equal":
            continue
        if operation == "replace" and i_end - i == j_end - j:
            for node, item in zip(nodes[i:i_end], value[j:j_end], strict=True):
                yield from _change(text, node, item)
            continue
        fresh = "".join(render.item(item, column) for item in value[j:j_end])
        if i > 0:
            yield _after(text, nodes[i - 1], fresh)
        elif fresh:
            at = _line_start(text, _dash(text, nodes[0]))
            yield Edit(at, at, fresh)
        for node in nodes[i:i_end]:
            yield _without(text, node, _dash(text, node))


def _without(text: str, node: Node, begin: int) -> Edit:
    """Take out the lines of a key or item; comments in them stay, on lines of their own."""
    start = _line_start(text, begin)
    if text[start:begin].strip(" ") not in ("", "?"):
        raise Odd
    end = _line_end(text, _content_end(text, node.start, node.end))
    margin = " " * (begin - start)
    return Edit(start, end, "".join(f"{margin}{comment}\n" for comment in comments(text, node, start, end)))


def _after(text: str, node: Node, lines: str) -> Edit:
    """Put lines below those of a node."""
    at = _line_end(text, _content_end(text, node.start, node.end))
    return Edit(at, at, lines if text[at - 1 : at] == "\n" else "\n" + lines.removesuffix("\n"))


def _column(text: str, at: int) -> int:
    line = _line_start(text, at)
    if not _MARGIN.match(text[line:at].replace("? ", "  ", 1)):
        raise Odd
    return at - line if "?" not in text[line:at] else text.index("?", line) - line


def _dash(text: str, node: Node) -> int:
    """Where the dash of an item is; it must stand on the item's own line, and alone."""
    line = _line_start(text, node.start)
    if not re.fullmatch(r" *- +", text[line : node.start]):
        raise Odd
    return text.index("-", line)


def _content_end(text: str, start: int, end: int) -> int:
    """The end of a value without the blank lines that the parser counts to block scalars."""
    while end > start and text[end - 1] in " \t\r\n":
        end -= 1
    return end


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """The first place of the next line."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
