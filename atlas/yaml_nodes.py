"""YAML as data with places in the text. Only plain data: no anchors, tags or duplicate keys."""

import gc
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.reader import Reader

from atlas.errors import AtlasError

MAX_DEPTH = 100  # no file of Atlas nests deeper than ten levels; Python's own limit ends in no readable message
MAX_BYTES = 64 << 20  # a library file of 33,000 concepts is about 20 MiB
NON_PRINTABLE = Reader.NON_PRINTABLE  # what YAML does not allow outside of escapes
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]|\r(?!\n)")  # lines for the parser, not for editors
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})", re.MULTILINE)
# Plain scalars that begin with none of these are text; the rest go through YAML's own patterns.
_MAYBE_OTHER = frozenset(c for c in yaml.SafeLoader.yaml_implicit_resolvers if c)
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_HINTS = {
    "mapping values are not allowed": "text with ': ' in it goes in quotes, or the line above lacks its colon",
    "found character that cannot start any token": "text that begins with such a mark goes in quotes",
    "did not find expected key": "check the indentation; text that begins with a bracket or quote goes in quotes whole",
    "did not find expected alphabetic": "text that begins with * or & goes in quotes",
    "did not find expected '-'": "check the indentation here and on the line above",
    "found unexpected end of stream": "a quote that opens here is never closed",
    "could not find expected ':'": "a key is followed by a colon and a space",
    "did not find expected ',' or": "close the bracket, or put the text in quotes",
    "found unknown escape": "inside double quotes write \\\\ for a backslash, or use single quotes",
    "expected a single document": "a file is one document; take the --- out",
    "did not find expected <document start>": "a file is one document; check the indentation, or take the --- out",
}


class Mistake(NamedTuple):
    """Something wrong on a line (1-based) of a text."""

    line: int
    message: str


class Node(NamedTuple):
    """A value with its line (1-based): that of its key where it has one.

    ``value`` is a scalar, a list of Nodes or a dict of Nodes. ``start`` and ``end`` are the span of the value in the
    text, ``key_start`` and ``key_end`` that of its key (all code points; without key, both are ``start``). ``style``
    is the quote or block mark of a scalar, ``{`` for collections in brackets, else empty.
    """

    value: Any
    line: int
    start: int
    end: int
    style: str
    key_start: int
    key_end: int


def read(path: Path) -> Node:
    """The document of a YAML file.

    Raises:
        AtlasError: with file and line of every mistake, for anything that is not one plain YAML document.
    """
    mistakes: list[Mistake] = []
    check_size(path)
    text = decode(path.read_bytes(), mistakes)
    node = Node(None, 1, 0, 0, "", 0, 0) if mistakes else parse(text, mistakes)
    if mistakes:
        raise AtlasError("\n".join(f"{path}:{line}: {message}" for line, message in mistakes))
    return node


def check_size(path: Path) -> None:
    """Raises AtlasError for a file that is larger than any file of Atlas should be."""
    if path.stat().st_size > MAX_BYTES:
        raise AtlasError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; split it by area")


def decode(raw: bytes, mistakes: list[Mistake]) -> str:
    """The text of a file, its byte order mark taken off; empty, with a mistake, where it is not UTF-8."""
    try:
        return raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        mistakes.append(Mistake(line, f"is not UTF-8 (byte {error.start}); save it as UTF-8"))
        return ""


def parse(text: str, mistakes: list[Mistake], item: Callable[[Node], Any] | None = None, of: str = "") -> Node:
    """The document of a text; what is wrong with it is added to ``mistakes``, and None stands in its place.

    ``item`` is what to make of each item of the list that is the value of the key ``of`` at the top. It is called as
    soon as the item is read, so that no tree of the whole file is ever held.
    """
    if conflicts := list(_conflicts(text)):
        mistakes.extend(conflicts)
        return Node(None, 1, 0, 0, "", 0, 0)
    loader = LOADER(text)
    reading = _Reading(loader.get_event, _line_of(text), mistakes, item, of)
    try:
        with no_collection():
            return reading.document()
    except yaml.MarkedYAMLError as error:
        mistakes.append(_syntax(error, text))
    except yaml.YAMLError as error:  # what the reader does not take has no place in the text
        wrong = NON_PRINTABLE.search(text)
        if wrong is None:
            mistakes.append(Mistake(1, f"not valid YAML: {error}"))
        else:
            line = text.count("\n", 0, wrong.start()) + 1
            mistakes.append(Mistake(line, f"holds the control character {wrong[0]!r}; take it out, or escape it"))
    except _TooDeep as deep:
        mistakes.append(Mistake(deep.args[0], f"is nested deeper than {MAX_DEPTH} levels"))
    finally:
        loader.dispose()
    return Node(None, 1, 0, 0, "", 0, 0)


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's cycle collector off: it would walk the growing million of new objects again and again (x 2 time)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _conflicts(text: str) -> Iterator[Mistake]:
    """One mistake a conflict: its further marks are passed over."""
    inside = ""
    for mark in _CONFLICT.finditer(text):
        if mark[0][0] == "<" or not inside:
            line = text.count("\n", 0, mark.start()) + 1
            yield Mistake(line, f"merge conflict marker; resolve the conflict first (take {mark[0]} out)")
        inside = "" if mark[0][0] == ">" else "<"


def _line_of(text: str) -> Callable[[Any], int]:
    """Line of a mark. The parser's own count is off where a text holds breaks that editors do not show as such."""
    if not _ODD_BREAKS.search(text):
        return lambda mark: int(mark.line) + 1
    ends = [found.start() for found in re.finditer("\n", text)]
    return lambda mark: bisect_right(ends, mark.index - 1) + 1


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Mistake:
    problem = str(error.problem or error.context)
    began = re.search("quoted scalar|simple key", error.context or "")  # where it began tells more than where it failed
    mark = (error.context_mark if began else error.problem_mark) or error.context_mark
    index = min(mark.index, len(text)) if mark else 0
    line = text.count("\n", 0, index) + 1
    start = text.rfind("\n", 0, index) + 1
    if "\t" in text[start : index + 1]:
        return Mistake(line, "not valid YAML: a tab stands in the indentation; indent with spaces")
    hint = next((hint for begin, hint in _HINTS.items() if problem.startswith(begin)), None)
    return Mistake(line, f"not valid YAML: {problem}" + (f"; {hint}" if hint else ""))


class _TooDeep(Exception):
    """Nested too deep; the argument is the line."""


class _Reading:
    """One pass over the events of the C parser: a third of the time of compose and construct."""

    def __init__(
        self,
        event: Callable[[], Any],
        line: Callable[[Any], int],
        mistakes: list[Mistake],
        item: Callable[[Node], Any] | None,
        of: str,
    ) -> None:
        self._event, self._line, self._mistakes, self._item = event, line, mistakes, item
        self._of, self._top = of, None
        self._constructor = yaml.SafeLoader("")

    def document(self) -> Node:
        self._event()
        event = self._event()
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, 1, 0, 0, "", 0, 0)
        node = self._node(self._event(), 0)
        self._event()
        after = self._event()
        if not isinstance(after, yaml.StreamEndEvent):
            said = "expected a single document in the stream"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=after.start_mark)
        return node

    def _wrong(self, mark: Any, message: str) -> None:
        self._mistakes.append(Mistake(self._line(mark), message))

    def _node(self, event: Any, depth: int) -> Node:
        start, kind = event.start_mark, type(event)
        if event.anchor is not None:
            self._wrong(start, "anchors and aliases are not used here; write it out")
        if kind is yaml.AliasEvent:
            return Node(None, self._line(start), start.index, event.end_mark.index, "", start.index, start.index)
        if event.tag is not None:
            self._wrong(start, f"tags ({event.tag}) are not used here; write the value alone")
        if depth > MAX_DEPTH:
            raise _TooDeep(self._line(start))
        index = start.index
        if kind is yaml.ScalarEvent:
            return Node(
                self._scalar(event), self._line(start), index, event.end_mark.index, event.style or "", index, index
            )
        value, end = self._sequence(depth) if kind is yaml.SequenceStartEvent else self._mapping(depth)
        if event.flow_style or not value:
            return Node(value, self._line(start), index, end[0], "{", index, index)
        return Node(value, self._line(start), index, end[1], "", index, index)

    def _sequence(self, depth: int) -> tuple[list[Any], tuple[int, int]]:
        """The items; where the end mark is, and where the last item ends."""
        items: list[Any] = []
        last = 0
        make = self._item if depth == 1 and self._top == self._of else None
        while type(event := self._event()) is not yaml.SequenceEndEvent:
            node = self._node(event, depth + 1)
            last = node.end
            items.append(make(node) if make else node)
        return items, (event.end_mark.index, last)

    def _mapping(self, depth: int) -> tuple[dict[Any, Node], tuple[int, int]]:
        mapping: dict[Any, Node] = {}
        last = 0
        while type(event := self._event()) is not yaml.MappingEndEvent:
            key_node = self._node(event, depth + 1)
            if not depth:
                self._top = key_node.value
            value = self._node(self._event(), depth + 1)
            key, last = key_node.value, value.end
            if type(event) is not yaml.ScalarEvent:
                self._wrong(event.start_mark, "a key must be a plain word")
            elif key in mapping:
                self._wrong(event.start_mark, f"key {key!r} is here twice; keep one")
            else:
                mapping[key] = Node(
                    value.value, key_node.line, value.start, value.end, value.style, key_node.start, key_node.end
                )
        return mapping, (event.end_mark.index, last)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if not event.implicit[0] or (text and text[0] not in _MAYBE_OTHER):
            return text
        if text.isdecimal() and text.isascii() and text[0] != "0":
            return int(text) if len(text) < 20 else self._resolved(event)
        if text and text[0].isalpha() and text.lower() not in _WORDS:
            return text
        return self._resolved(event)

    def _resolved(self, event: Any) -> Any:
        tag = self._constructor.resolve(yaml.ScalarNode, event.value, (True, False))
        make = yaml.SafeLoader.yaml_constructors.get(tag)
        if make is None:  # "<<" and "=" of older YAML
            self._wrong(event.start_mark, f"{event.value!r} has a meaning of its own in YAML; put it in quotes")
            return None
        try:
            return make(self._constructor, yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError) as error:  # a date or number that looks like one but is none
            self._wrong(event.start_mark, f"{event.value!r}: {error}; put it in quotes")
            return None
