"""Comments that silence a finding: ``# lint: ignore[rule] reason``."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas.library import layout, splice
from atlas.library.lint.finding import Finding
from atlas.library.read import Reading
from atlas.yaml_nodes import parse

BAD, UNUSED = "bad-ignore", "unused-ignore"
_IGNORE = re.compile(r"#\s*lint:\s*ignore\b(?:\[(?P<rules>[^\]\n]*)\])?[ \t:–—-]*(?P<reason>[^\n]*)")
_HOW = "write '# lint: ignore[rule] reason'"


@dataclass(frozen=True, slots=True)
class Ignore:
    """A comment that silences rules of one concept, or (``concept_id`` None) of the whole file."""

    path: Path
    line: int
    rules: tuple[str, ...]
    reason: str
    concept_id: int | None
    placed: bool = True


def ignores(folder: Path, reading: Reading) -> list[Ignore]:
    """The ignore comments of a folder. Those in a file's head hold for the file, the others for their entry."""
    return [
        ignore
        for name, part in reading.parts.items()
        if part.concepts
        for ignore in _of_file(folder / name, [c.id for c in part.concepts], part.lines)
    ]


def _of_file(path: Path, ids: Sequence[int], lines: Sequence[int]) -> Iterator[Ignore]:
    raw = path.read_bytes()
    if b"lint:" not in raw:
        return
    text = raw.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    pieces = layout.cut(text, ids, lines)
    if pieces is None:  # entries in brackets: only the head can be told from the rest
        pieces = layout.Layout(text[: text.find("concepts:") + 1], foot=text[text.find("concepts:") + 1 :])
    line = 1
    for stretch, id_, placed in _stretches(pieces):
        for found in _IGNORE.finditer(stretch):
            if placed and id_ is not None and not _is_comment(stretch, found[0]):
                continue
            rules = tuple(rule.strip() for rule in (found["rules"] or "").split(",") if rule.strip())
            at = line + stretch.count("\n", 0, found.start())
            yield Ignore(path, at, rules, found["reason"].strip(), id_, placed)
        line += stretch.count("\n")


def _stretches(pieces: layout.Layout) -> Iterator[tuple[str, int | None, bool]]:
    """Text, the concept that it belongs to, and whether an ignore comment may stand in it."""
    yield pieces.head, None, True
    for entry in pieces.entries:
        yield entry.lead, entry.id, True
        yield entry.body, entry.id, True
        yield entry.tail, None, False
    yield pieces.foot, None, False


def _is_comment(stretch: str, comment: str) -> bool:
    """Not so where it stands in a quote."""
    root = parse(stretch, [])
    return root.value is None or comment.rstrip() in splice.comments(stretch, root, 0, len(stretch))


def silenced(
    findings: Sequence[Finding], ignores: Sequence[Ignore], ran: Collection[str], known: Collection[str]
) -> tuple[list[Finding], list[Finding]]:
    """The findings that no comment silences, and what is to be said of the comments themselves.

    An ignore is judged unused only where its rule ran.
    """
    about: list[Finding] = []
    silent: dict[tuple[Path | None, int | None, str], Ignore] = {}
    for ignore in ignores:
        wrong = _wrong(ignore, known)
        if wrong:
            about.append(Finding(BAD, "error", ignore.concept_id, wrong, ignore.path, ignore.line))
            continue
        for rule in ignore.rules:
            silent[ignore.path if ignore.concept_id is None else None, ignore.concept_id, rule] = ignore
    used = set()
    kept = []
    for finding in findings:
        keys = [(None, finding.concept_id, finding.rule), (finding.path, None, finding.rule)]
        hit = next((key for key in keys if key in silent), None)
        if hit is None:
            kept.append(finding)
        else:
            used.add(hit)
    for key, ignore in silent.items():
        if key not in used and key[2] in ran:
            message = f"silences no finding of {key[2]}; take it out"
            about.append(Finding(UNUSED, "warning", ignore.concept_id, message, ignore.path, ignore.line))
    return kept, about


def _wrong(ignore: Ignore, known: Collection[str]) -> str:
    if not ignore.placed:
        return f"this ignore stands at no concept; put it on or right above an entry, or in the file's head: {_HOW}"
    if not ignore.rules:
        return f"this ignore names no rule; {_HOW}"
    if unknown := [rule for rule in ignore.rules if rule not in known or rule in ("schema", BAD, UNUSED)]:
        return f"{unknown[0]!r} is no rule that can be ignored; `atlas library lint --list` has them"
    return "" if ignore.reason else f"this ignore gives no reason; {_HOW}"
