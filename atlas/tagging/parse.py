"""Read tags from what a model wrote: tolerant of form, strict about what counts as a tag."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from atlas.library.names import normal_form

MAX_WORDS = 6
MAX_CHARS = 60
_SPLIT = re.compile(r"[,;|\n]|\.\s")
_TRIM = " \t\"'`“”‘’*_-–—•:.()[]{}<>/\\"
_CODE = re.compile(r"[(){}\[\]=<>@|\\]|::|->|\+\+\S|\w_\w|^[A-Za-z]\.\w|https?:")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+)*")
_THE = re.compile(r"^[Tt]he ")
_NUMBER = re.compile(r"[\d\W_]+")
_REFUSAL = re.compile(
    r"\W*(?:(?:i(?:'|’)?m|i am) (?:sorry|unable|not able)|sorry, |i (?:cannot|can(?:'|’)t|won(?:'|’)t) "
    r"|as an ai |unfortunately, i )",
    re.IGNORECASE,
)
# Tags that begin with one word, beyond so many, are a model in a loop: wildlife conservation, wildlife refuge, …
SAME_FIRST_WORD = 2
_NOTHING = frozenset(
    (
        "none",
        "null",
        "nothing",
        "n a",
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


def is_refusal(answer: str) -> bool:
    """Whether the model declined instead of answering."""
    return _REFUSAL.match(answer) is not None


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
    except (ValueError, RecursionError):  # a model in a loop opens brackets by the thousand
        return _broken_json(answer, facets)
    found = {facet: value[facet] for facet in facets if facet in value}
    return {facet: _strings(tags) for facet, tags in found.items()} or None


def _strings(tags: Any) -> list[str]:
    """The tags of a facet: a list's strings, or one string that lists them; anything else is no tag."""
    if isinstance(tags, str):
        return _SPLIT.split(tags)
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _broken_json(answer: str, facets: Sequence[str]) -> dict[str, list[str]] | None:
    """The complete strings of each facet's list in an object that breaks off."""
    found = {}
    for facet in facets:
        match = re.search(rf'"{facet}"\s*:\s*\[([^\]]*)', answer)
        if match:
            found[facet] = [_unescaped(text) for text in re.findall(r'"(?:[^"\\]|\\.)*"', match[1])]
    return found or None


def _unescaped(literal: str) -> str:
    try:
        return json.loads(literal, strict=False)
    except ValueError:
        return literal


def clean(
    tags: Iterable[str], passage: str | None, most: int, banned: Iterable[str] = (), *, words_only: bool = False
) -> list[str]:
    """The tags worth keeping, in order, each once.

    Dropped: empty ones, bare numbers, sentences, pieces of code, words repeated in one tag, placeholders, a
    prompt's own examples, a third tag that begins with the same word; where ``passage`` is given, also what is no
    proper name that stands in it; with ``words_only``, whatever has more than letters, spaces and hyphens.
    """
    refused = {normal_form(text) for text in banned}
    haystack = None if passage is None else " ".join(passage.split())
    kept: dict[str, str] = {}
    beginnings: Counter[str] = Counter()
    for raw in tags:
        tag = " ".join(raw.encode(errors="ignore").decode().split()).strip(_TRIM)  # no half of a surrogate pair
        form = normal_form(tag)
        words = tag.split()
        if not form or form in kept or form in refused or form in _NOTHING:
            continue
        if len(tag) > MAX_CHARS or len(words) > MAX_WORDS or _NUMBER.fullmatch(tag) or len(tag) < 2:
            continue
        if len({word.casefold() for word in words}) < len(words):
            continue
        if _CODE.search(tag) or (words_only and not _WORDS.fullmatch(tag)):
            continue
        if haystack is not None and not _names(tag, haystack):
            continue
        beginnings[form.split()[0]] += 1
        if beginnings[form.split()[0]] > SAME_FIRST_WORD and haystack is None:
            continue
        kept[form] = tag
        if len(kept) == most:
            break
    return list(kept.values())


def _names(tag: str, passage: str) -> bool:
    """Whether the tag stands in the passage as a proper name: whole, spelt so, with a capital not owed to "The"."""
    if not any(character.isupper() for character in _THE.sub("", tag)):
        return False
    return re.search(rf"(?<!\w){re.escape(tag)}(?!\w)", passage) is not None
