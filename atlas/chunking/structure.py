"""What a document is built of: lines, paragraphs, lists, tables, code; and where it may be cut.

A *cut* is a position between two code points with a strength. The stronger a cut, the more natural a chunk
border is there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from atlas.chunking.sentences import sentence_cuts


class Strength(IntEnum):
    """How natural a chunk border is at a cut."""

    FORCED = 0  # inside an over-long sentence or line
    LINE = 1  # between two lines of code
    SENTENCE = 2
    ITEM = 3  # between list items, table rows, blank-line blocks inside a definition
    PARAGRAPH = 4
    SECTION = 5  # before a heading or a top-level definition


@dataclass(frozen=True, slots=True)
class Cut:
    """``kind`` is the kind of the text that follows the cut."""

    position: int
    strength: Strength
    kind: str


_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_HEADING = re.compile(r"#{1,6} |\\(?:sub)*section\{|<h[1-6][ >]")
_UNDERLINE = re.compile(r"([=\-~^\"'*+#`.:])\1{2,}\s*$")
_ITEM = re.compile(r"\s*+(?:[-*+•‣◦]|\(?\d{1,3}[.)]|\(?[a-z][.)]|\[\d+\])\s+\S")
# Possessive, and entering a run of tabs at its start alone: a line with thousands of spaces or tabs, or one of
# thousands of closing brackets (below), took quadratic time, 19 s for 64 KiB of tabs.
_ROW = re.compile(r"\s*+(?:\|.*\||\+[-=+]{3,}|.*\S(?:\t++| \| )\S.*(?:(?<!\t)\t++| \| )\S)")
FENCES = ("```", "~~~")
_CODE_LINE = re.compile(
    r"""\s*(?: [@#]\w | //|/\*|\*/|\*[ ]|\#include|\#!|[}\])]++[;,)]*+\s*$
      | (?:def|class|import|from|return|if|for|while|else|elif|try|except|with|async|package|func|fn|pub|use|mod|let
          |const|var|public|private|protected|static|export|struct|impl|enum|interface|template|namespace|using
          |switch|case|throw|void|int|double|bool|string|auto|match|type)\b )
      | .*(?:[{};]|\)\s*:|=>|->|:=)\s*(?:(?://|\#).*)?$
      | \s*[\w.\[\]]+\s*(?:[-+*/|&]?=|:=)\s*\S""",
    re.VERBOSE,
)
_DEFINITION = re.compile(
    r"\s*(?:@|(?:pub(?:\(\w+\))? |export |default |public |private |protected |static |final |abstract |async |unsafe |"
    r"inline |virtual |const |template ?<)*(?:def|class|func|fn|struct|impl|enum|trait|interface|namespace|mod|type|"
    r"function|module)\b|template ?<|/\*\*|///|//!|#\[)"
)
CODE_SHARE = 0.5  # share of non-blank lines that look like code, from which a document is read as code
CODE_LINES = 400  # lines looked at to decide that


def looks_like_code(text: str) -> bool:
    """Whether a document as a whole is source code."""
    lines = [line for line in text[: CODE_LINES * 60].split("\n") if line.strip()]
    if len(lines) < 3:
        return False
    wanted = CODE_SHARE * len(lines)
    alike = 0
    for left, line in zip(range(len(lines), 0, -1), lines, strict=True):
        if alike >= wanted or alike + left < wanted:
            break  # the rest can't change it
        alike += _CODE_LINE.match(line) is not None
    return alike >= wanted


def cuts(text: str, start: int, end: int, code: bool) -> Iterator[Cut]:
    """The cuts inside ``text[start:end]``, in order, each strictly between ``start`` and the last non-space."""
    last = start + len(text[start:end].rstrip())
    previous = start
    for cut in _code_cuts(text, start, end) if code else _prose_cuts(text, start, end):
        if previous < cut.position < last:
            previous = cut.position
            yield cut


def first_kind(text: str, start: int, end: int, code: bool) -> str:
    """The kind of the text at ``start``."""
    if code:
        return "code"
    for match in _LINE.finditer(text, start, end):
        line = match[0]
        if line.strip():
            return "code" if line.strip().startswith(FENCES) else _kind(line)
    return "prose"


def _kind(line: str) -> str:
    # Looking for a character first is ten times as quick as finding out by the expression that it is not there.
    if line[0] in "#\\<" and _HEADING.match(line):
        return "heading"
    if ("|" in line or "\t" in line or "+" in line) and _ROW.match(line):
        return "table"
    return "list" if _ITEM.match(line) else "prose"


def _code_cuts(text: str, start: int, end: int) -> Iterator[Cut]:
    blank = False
    attached = False  # the line before is a comment, decorator or attribute of what follows
    for match in _LINE.finditer(text, start, end):
        line = match[0]
        if not line.strip():
            blank = True
            continue
        top = not line[0].isspace() and line[0] not in "})]"
        definition = _DEFINITION.match(line) is not None
        if blank:
            strong = Strength.SECTION if top else Strength.PARAGRAPH if definition else Strength.ITEM
        else:
            strong = Strength.ITEM if definition and not attached else Strength.LINE
        yield Cut(match.start(), strong, "code")
        attached = line.lstrip().startswith(("@", "#", "//", "/*", "*", "#["))
        blank = False


def _prose_cuts(text: str, start: int, end: int) -> Iterator[Cut]:
    paragraph = start  # start of the running paragraph
    before = ""  # the line before, stripped
    blank, fenced = False, False
    for match in _LINE.finditer(text, start, end):
        line, at = match[0], match.start()
        stripped = line.strip()
        if not stripped:
            blank = True
            continue
        fence = stripped.startswith(FENCES)
        kind = "code" if fenced or fence else _kind(line)
        strong = _line_strength(kind, blank, before, stripped, fenced)
        if strong is not None:
            yield from _sentences(text, paragraph, at)
            yield Cut(at, strong, kind)
            paragraph = at
        if fenced or kind == "code":
            paragraph = match.end()
        if fence:
            fenced = not fenced
        before, blank = stripped, False
    yield from _sentences(text, paragraph, end)


LONG_LINE = 120  # characters; a line longer than this is a paragraph of its own, not one hard-wrapped line


def _line_strength(kind: str, blank: bool, before: str, line: str, fenced: bool) -> Strength | None:
    """Strength of the cut in front of a line; None where the line goes on with the paragraph."""
    if fenced:
        return Strength.ITEM if blank else Strength.LINE
    if kind == "heading":
        return Strength.SECTION
    if blank:
        return Strength.ITEM if kind == "list" and _ITEM.match(before) else Strength.PARAGRAPH
    if _UNDERLINE.match(line):
        return None
    if kind in ("list", "table", "code"):
        return Strength.ITEM
    if len(before) > LONG_LINE and (before[-1] in '.!?:;…"”)。' or not line[0].islower()):
        return Strength.PARAGRAPH
    return None


def _sentences(text: str, start: int, end: int) -> Iterator[Cut]:
    for position in sentence_cuts(text, start, end):
        yield Cut(position, Strength.SENTENCE, "prose")
