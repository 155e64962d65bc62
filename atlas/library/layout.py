"""A library file's text, cut into its entries: what stands between them stays where it is."""

import re
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from atlas.library import check, render, splice
from atlas.library.concept import Concept, Counts
from atlas.yaml_nodes import Mistake, Node, parse

INDENT = 2  # column of an entry's dash, where a file does not say otherwise
_DASH = re.compile(r"^( *)-(?: |\r?\n?$)")
_ODD_BREAK = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]|\r(?!\n)")  # lines for Python, not for editors
_LOOSE = re.compile(r"^ *(?:#.*)?\r?\n?$")


@dataclass
class Entry:
    """A concept's own lines: comments right above it (``lead``), and the rest (``body``)."""

    id: int
    lead: str
    body: str
    tail: str = ""  # loose lines below that belong to the file


@dataclass
class Layout:
    """A file in pieces: put together, they are its text."""

    head: str
    entries: list[Entry] = field(default_factory=list)
    foot: str = ""
    indent: int = INDENT

    def text(self) -> str:
        """The file's text."""
        return self.head + "".join(e.lead + e.body + e.tail for e in self.entries) + self.foot


def new(area: str) -> Layout:
    """A file without concepts."""
    return Layout(f"area: {render.scalar(area, 2, 6)}\nconcepts:\n")


def of(text: str, area: str, concepts: Sequence[Concept], lines: Sequence[int]) -> Layout:
    """The pieces of a file's text, whose concepts begin on these lines."""
    pieces = cut(text, [concept.id for concept in concepts], lines)
    if pieces is None or pieces.text() != text:
        return anew(text, area, concepts)
    return pieces


def anew(text: str, area: str, concepts: Sequence[Concept]) -> Layout:
    """The pieces of a file that is laid out in a way that can't be cut: written anew, its comments at its head."""
    root = parse(text, [])
    pieces = new(area)
    pieces.head = "".join(f"{comment}\n" for comment in splice.comments(text, root, 0, len(text))) + pieces.head
    insert(pieces, [Entry(c.id, "", render.item(render.entry(c), INDENT)) for c in concepts])
    return pieces


def cut(text: str, ids: Sequence[int], lines: Sequence[int]) -> Layout | None:
    """The pieces of a text whose entries have these ids and begin on these lines; None where they are not to be cut.

    Entries that stand in brackets, or several on a line, are such; a file without entries too.
    """
    rows = text.splitlines(keepends=True) if not _ODD_BREAK.search(text) else _rows(text)
    starts: list[int] = []
    indent = -1
    for line in lines:
        row = line - 1
        while row >= 0 and not (dash := _DASH.match(rows[row])):
            row -= 1
        if row < 0 or (starts and row <= starts[-1]) or not dash or (indent >= 0 and len(dash[1]) != indent):
            return None
        indent = len(dash[1])
        starts.append(row)
    if not starts:
        return None

    def loose(row: str) -> bool:
        return (bool(_LOOSE.match(row)) and len(row) - len(row.lstrip(" ")) <= indent) or not row.strip()

    def leads(row: int) -> int:
        while row > 0 and rows[row - 1].lstrip(" ").startswith("#") and loose(rows[row - 1]):
            row -= 1
        return row

    bounds = [leads(row) for row in starts]
    end = _end(rows, starts[-1] + 1, indent)
    layout = Layout("".join(rows[: bounds[0]]), [], "".join(rows[end:]), indent)
    for id_, bound, start, after in zip(ids, bounds, starts, [*bounds[1:], end], strict=True):
        last = after
        while last > start + 1 and loose(rows[last - 1]):
            last -= 1
        layout.entries.append(
            Entry(id_, "".join(rows[bound:start]), "".join(rows[start:last]), "".join(rows[last:after]))
        )
    return layout


def _rows(text: str) -> list[str]:
    return [row + "\n" for row in text.split("\n")[:-1]] + [text.rpartition("\n")[2]]


def _end(rows: Sequence[str], row: int, indent: int) -> int:
    """Where the list ends: the first line that is not further in than the dashes, and no comment."""
    for at in range(row, len(rows)):
        margin = len(rows[at]) - len(rows[at].lstrip(" "))
        if not _LOOSE.match(rows[at]) and margin <= indent:
            return at
    return len(rows)


def change(entry: Entry, concept: Concept, indent: int) -> None:
    """Write a concept into its entry: in place, or anew with the comments above where it is laid out oddly."""
    line_end = "\r\n" if "\r\n" in entry.body else "\n"
    body = entry.body.replace("\r\n", "\n")
    body += "" if body.endswith("\n") else "\n"
    node = _single(body)
    kept = splice.comments(body, node, 0, len(body)) if node is not None else []
    try:
        after = splice.edited(body, node, _wanted(node, concept)) if node is not None else ""
        good = _says(after, concept, kept)
    except splice.Odd:
        good = False
    if not good:
        entry.lead += "".join(f"{' ' * indent}{comment}{line_end}" for comment in kept)
        after = render.item(render.entry(concept), indent)
    entry.body = after.replace("\n", line_end)


def _wanted(node: Node, concept: Concept) -> dict[str, object]:
    """What the entry is to say: as it is written anew, but keys that say the same by being there or not stay so."""
    there = {key: splice.plain(child) for key, child in node.value.items()}
    wanted = render.entry(concept)
    if "status" not in there and concept.active:
        del wanted["status"]
    if isinstance(counts := there.get("counts"), dict) and "counts" in wanted:
        wanted["counts"] = {key: number for key, number in wanted["counts"].items() if number or key in counts}
    for key, value in there.items():
        nothing = not value or (key == "counts" and not any(value.values()))
        if key not in wanted and nothing and not _value(concept, key):
            wanted[key] = value
    order = {key: at for at, key in enumerate(check.READERS)}
    return dict(sorted(wanted.items(), key=lambda pair: order[pair[0]]))


def _value(concept: Concept, key: str) -> object:
    """A concept's value of a key, false where it is the one that a missing key has."""
    value = getattr(concept, key)
    return value != Counts() if key == "counts" else value


def _single(body: str) -> Node | None:
    mistakes: list[Mistake] = []
    root = parse(body, mistakes)
    if mistakes or not isinstance(root.value, list) or len(root.value) != 1:
        return None
    node = root.value[0]
    return node if isinstance(node.value, dict) else None


def _says(body: str, concept: Concept, kept: Sequence[str]) -> bool:
    """Whether a text describes this very concept, with all of the comments."""
    node = _single(body)
    if node is None:
        return False
    mistakes: list[Mistake] = []
    found = check.concept(node, lambda line, said: mistakes.append(Mistake(line, said)))
    after = Counter(splice.comments(body, node, 0, len(body))) if kept else Counter()
    return found == concept and Counter(kept) <= after


def insert(layout: Layout, entries: Sequence[Entry]) -> None:
    """Put each entry before the first that has a higher id."""
    if not entries:
        return
    line_end = "\r\n" if "\r\n" in layout.head else "\n"
    if layout.entries and not layout.text().endswith("\n"):
        last = layout.entries[-1]
        last.tail, last.body = (last.tail + line_end, last.body) if last.tail else ("", last.body + line_end)
    out: list[Entry] = []
    waiting = sorted(entries, key=lambda entry: entry.id, reverse=True)
    for other in [*layout.entries, None]:
        while waiting and (other is None or waiting[-1].id < other.id):
            entry = waiting.pop()
            entry.lead, entry.body = (re.sub(r"\r?\n", line_end, part) for part in (entry.lead, entry.body))
            entry.body += "" if entry.body.endswith("\n") else line_end
            out.append(entry)
        if other is not None:
            out.append(other)
    layout.entries[:] = out


def remove(layout: Layout, ids: Container[int]) -> list[Entry]:
    """Take out entries; loose lines below them stay in the file."""
    taken = []
    for position in reversed(range(len(layout.entries))):
        entry = layout.entries[position]
        if entry.id in ids:
            del layout.entries[position]
            if position:
                layout.entries[position - 1].tail += entry.tail
            else:
                layout.head += entry.tail
            entry.tail = ""
            taken.append(entry)
    return taken[::-1]


def indented(entry: Entry, before: int, after: int) -> Entry:
    """An entry for a file whose dashes are in another column."""
    if before == after:
        return entry

    def shift(part: str) -> str:
        rows = part.splitlines(keepends=True)
        if after > before:
            return "".join(" " * (after - before) + row if row.strip() else row for row in rows)
        return "".join(row[before - after :] if row.startswith(" " * (before - after)) else row for row in rows)

    return Entry(entry.id, shift(entry.lead), shift(entry.body))
