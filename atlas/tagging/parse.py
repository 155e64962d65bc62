"""Read tags from what a model wrote: tolerant of form, strict about what counts as a tag."""

import json
import re
from collections.abc import Iterable, Sequence

from atlas.library.names import normal_form

MAX_WORDS = 6
MAX_CHARS = 60
_SPLIT = re.compile(r"[,;|\n]|\.\s")
_TRIM = " \t\"'`*_-–—•:.()[]{}<>/\\"
_CODE = re.compile(r"[(){}\[\]=<>@|\\]|::|->|\+\+\S")
_THE = re.compile(r"^[Tt]he ")
_NUMBER = re.compile(r"[\d\W_]+")
_NOTHING = frozenset(
    (
        "none",
        "null",
        "nothing",
        "n/a",
        "na",
        "unknown",
        "no",
        "name",
        "no name",
        "not applicable",
        "other",
        "text",
        "passage",
    )
)


def line_tags(answer: str, facets: Sequence[str], labels: Sequence[str], *, cut_off: bool) -> dict[str, list[str]]:
    """Tags by facet of a line ``tag, tag. Label: tag.`` whose first label was in the prompt.

    ``cut_off``: the answer ended at the token limit, so its last tag is incomplete; it is dropped, unless it
    is the only one.
    """
    pieces = [answer.strip()]
    for label in labels[1:]:
        head, found, tail = pieces[-1].partition(f"{label}:")
        if not found:
            break
        pieces[-1:] = [head, tail]
    tags = {facet: _SPLIT.split(piece) for facet, piece in zip(facets, pieces, strict=False)}
    last = tags[facets[len(pieces) - 1]]
    if cut_off and len(last) > 1:
        last.pop()
    return tags


def json_tags(answer: str, facets: Sequence[str]) -> dict[str, list[str]] | None:
    """Tags by facet of a JSON object somewhere in the answer; None where there is none to be had."""
    start = answer.find("{")
    if start < 0:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(answer[start:])
    except ValueError:
        return _broken_json(answer, facets)
    if not isinstance(value, dict):
        return None
    found = {facet: value[facet] for facet in facets if facet in value}
    return {f: [str(tag) for tag in (v if isinstance(v, list) else [v])] for f, v in found.items()} or None


def _broken_json(answer: str, facets: Sequence[str]) -> dict[str, list[str]] | None:
    """The complete strings of each facet's list in an object that breaks off."""
    found = {}
    for facet in facets:
        match = re.search(rf'"{facet}"\s*:\s*\[([^\]]*)', answer)
        if match:
            found[facet] = re.findall(r'"((?:[^"\\]|\\.)*)"', match[1])
    return found or None


def clean(tags: Iterable[str], passage: str | None, most: int, banned: Iterable[str] = ()) -> list[str]:
    """The tags worth keeping, in order, each once.

    Dropped: empty ones, bare numbers, sentences, pieces of code, words repeated in one tag, placeholders, a
    prompt's own examples; where ``passage`` is given, also what is no proper name that stands in it.
    """
    refused = {normal_form(text) for text in banned}
    haystack = None if passage is None else " ".join(passage.split())
    kept: dict[str, str] = {}
    for raw in tags:
        tag = " ".join(raw.split()).strip(_TRIM)
        form = normal_form(tag)
        words = tag.split()
        if not form or form in kept or form in refused or form in _NOTHING:
            continue
        if len(tag) > MAX_CHARS or len(words) > MAX_WORDS or _NUMBER.fullmatch(tag) or len(tag) < 2:
            continue
        if len({word.casefold() for word in words}) < len(words):
            continue
        if _CODE.search(tag) or (haystack is not None and not _names(tag, haystack)):
            continue
        kept[form] = tag
        if len(kept) == most:
            break
    return list(kept.values())


def _names(tag: str, passage: str) -> bool:
    """Whether the tag stands in the passage as a proper name: spelt so, and with a capital not owed to "The"."""
    bare = _THE.sub("", tag)
    return tag in passage and any(character.isupper() for character in bare)
