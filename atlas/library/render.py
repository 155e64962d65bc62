"""A concept as YAML text, in the layout of the library."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from atlas.library.concept import Concept, Counts

WIDTH = 110  # text is folded at the first space after this column
_MARKS = "().,;'’%+*/…–—“”-"  # marks that may stand anywhere in plain text; a colon or # inside of a word may too
_WORD = rf"[\w{_MARKS}](?:[\w{_MARKS}]|(?<=\w)[:#](?=[\w/]))*"
_PLAIN = re.compile(rf"[A-Za-z](?:[\w{_MARKS}]|(?<=\w)[:#](?=[\w/]))*(?: {_WORD})*")
_ONE_LINE = re.compile(r"[\w!-~’…–—“”]+(?: [\w!-~’…–—“”]+)*")
_ENDS = re.compile(r"[\w().%*/]", re.ASCII)
_OTHER = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


class Dumper(yaml.SafeDumper):
    """Writes lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)  # lists are indented below their key

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """PyYAML folds these line breaks into spaces, but where it escapes them."""
        style = '"' if any(mark in data for mark in "\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


Dumper.add_representer(str, Dumper.represent_str)


def entry(concept: Concept) -> dict[str, Any]:
    """A concept as it stands in YAML: empty values are left out."""
    entry = concept.plain()
    counts = concept.counts
    if counts != Counts():
        entry["counts"] = {"tags": counts.tags, "chunks": counts.chunks, "documents": counts.documents}
    empty = ("question", "aliases", "taxonomy", "confidence", "replaced_by", "locked", "members", "examples")
    return {key: value for key, value in entry.items() if key not in empty or value or isinstance(value, float)}


def item(value: Any, indent: int) -> str:
    """A list item of this value, its dash in column ``indent``; with the line's end."""
    if isinstance(value, dict) and value:
        lines = pairs(value, indent + 2)
        return f"{' ' * indent}- {lines[indent + 2 :]}"
    return f"{' ' * indent}- {scalar(value, indent + 2, indent + 2)}\n"


def pairs(value: Mapping[Any, Any], indent: int) -> str:
    """Lines ``key: value`` from column ``indent`` on."""
    return "".join(pair(key, child, indent) for key, child in value.items())


def pair(key: Any, value: Any, indent: int) -> str:
    """One ``key: value``, with the line's end."""
    margin = " " * indent
    name = scalar(key, 0, 0, width=10**9)
    if len(name) > 120 or "\n" in name:  # YAML wants long keys marked
        inner = " " + after_key(value, indent, indent + 2) if not isinstance(value, dict | list) else ""
        return f"{margin}? {scalar(key, indent + 2, indent + 2)}\n{margin}:{inner}\n"
    return f"{margin}{name}:{after_key(value, indent, indent + len(name) + 1)}\n"


def after_key(value: Any, indent: int, column: int) -> str:
    """What follows the colon of a key that begins in column ``indent``, without the last line's end."""
    if isinstance(value, dict) and value:
        return "\n" + pairs(value, indent + 2).removesuffix("\n")
    if isinstance(value, list) and value:
        return "\n" + "".join(item(child, indent + 2) for child in value).removesuffix("\n")
    return " " + scalar(value, indent + 2, column + 1)


def scalar(value: Any, indent: int, column: int, style: str = "", width: int = WIDTH) -> str:
    """A single value that begins in this column; further lines are indented. ``style`` is the quote to use."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return flow(value)
    if not value:
        return "''" if isinstance(value, str) else "[]" if isinstance(value, list) else "{}"
    text = value
    if not style and _PLAIN.fullmatch(text) and _ENDS.match(text[-1]) and text.lower() not in _OTHER:
        return _folded(text, indent, column, width)
    if not style and (": " in text or " #" in text or text[-1] == ":") and _ONE_LINE.fullmatch(text):
        return "'" + _folded(text.replace("'", "''"), indent, column + 1, width) + "'"
    out: str = yaml.dump(
        text, Dumper=Dumper, allow_unicode=True, width=max(width - column, 20), default_style=style or None
    )
    lines = out.removesuffix("\n").removesuffix("\n...").split("\n")
    margin = " " * indent
    return "\n".join(lines[:1] + [margin + line.lstrip(" ") if line else "" for line in lines[1:]])


def _folded(text: str, indent: int, column: int, width: int) -> str:
    """Plain text, broken at the first space after the width, as PyYAML does."""
    if column + len(text) <= width:
        return text
    words: Sequence[str] = text.split(" ")
    out = [words[0]]
    column += len(words[0])
    for word in words[1:]:
        if column > width:
            out.append("\n" + " " * indent + word)
            column = indent + len(word)
        else:
            out.append(" " + word)
            column += 1 + len(word)
    return "".join(out)


def flow(value: Any) -> str:
    """A value on one line, collections in brackets."""
    text: str = yaml.dump(
        value, Dumper=Dumper, allow_unicode=True, width=10**9, default_flow_style=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")
