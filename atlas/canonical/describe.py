"""Names, descriptions, questions and quotes of concepts, from their member tags and where these occur."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pyarrow as pa

from atlas.canonical.define import definition
from atlas.canonical.forms import Form, support
from atlas.canonical.strings import stem
from atlas.canonical.usage import Usage
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.library.lint.texts import overlapping
from atlas.library.names import normal_form

QUOTE_CHARS = 200
READ_MOST = 60  # chunks of a concept that are looked through for quotes and definitions
DESCRIBED_MEMBERS, MEMBERS_MOST = 3, 6  # that a description names; where it names nothing else
BESIDE_LIFT = 2.0  # a neighbour worth naming is on the concept's chunks this many times as often as elsewhere
_LOOSE = re.compile(r"^(?:(?:the|an?|and|or)\s+)+(?=\S)|(?<=\S)(?:\s+(?:the|and|or|of|for|with))+$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def described(
    concepts: Sequence[Concept],
    members: Mapping[int, Sequence[Form]],
    tags: pa.Table,
    usage: Usage,
    examples: int,
) -> tuple[Concept, ...]:
    """The concepts with members, counts, and whatever words they lack; what is ``locked`` gets members and counts."""
    texts, doc_ids = tags.column("text"), tags.column("doc_id")
    rows_of = {concept_id: support(forms) for concept_id, forms in members.items()}
    topics = {concept.id for concept in concepts if concept.facet == "content"}
    on_row: dict[int, list[int]] = defaultdict(list)
    for concept_id in sorted(topics & set(rows_of)):
        for row in rows_of[concept_id].tolist():
            on_row[row].append(concept_id)
    names = {concept.id: concept.name for concept in concepts}
    nothing = np.zeros(0, np.int64)
    found = []
    for concept in concepts:
        if not concept.active:
            found.append(concept)
            continue
        forms = sorted(members.get(concept.id, ()), key=lambda form: (-len(form.chunks), form.form))
        rows = rows_of.get(concept.id, nothing)
        documents = len(set(doc_ids.take(pa.array(rows)).to_pylist()))
        counted = replace(
            concept,
            members={form.surface: len(form.chunks) for form in forms},
            counts=Counts(sum(form.tags for form in forms), len(rows), documents),
        )
        if not concept.locked:
            spelt = _within(forms, usage) if forms and concept_name(forms, usage) == concept.name else concept.name
            counted = replace(
                counted,
                description=concept.description
                or _described(concept, spelt, forms, rows, on_row, rows_of, names, texts),
                question=concept.question or question(concept.facet, spelt),
                examples=concept.examples or quotes(forms, texts, doc_ids, examples),
            )
        found.append(counted)
    return tuple(found)


def told_apart(concepts: Sequence[Concept], new: int) -> tuple[Concept, ...]:
    """The concepts; new topics whose description says almost what another's does, in words of their members alone.

    Args:
        new: id from which on concepts are new.
    """
    alike = {concept_id for concept_id, _ in overlapping(Library(tuple(concepts))) if concept_id >= new}
    return tuple(replace(c, description=_of_members(c)) if c.id in alike and not c.locked else c for c in concepts)


def _of_members(concept: Concept) -> str:
    others = [member for member in concept.members if normal_form(member) != normal_form(concept.name)]
    topic = concept.name if concept.name.split(" ")[0][1:2].isupper() else concept.name[:1].lower() + concept.name[1:]
    return description(concept.facet, topic, others[:MEMBERS_MOST], [])


def _described(
    concept: Concept,
    spelt: str,
    forms: Sequence[Form],
    rows: np.ndarray,
    on_row: Mapping[int, list[int]],
    rows_of: Mapping[int, np.ndarray],
    names: Mapping[int, str],
    texts: pa.ChunkedArray,
) -> str:
    """A sentence of the corpus that says what the topic is; else one made from members and neighbours."""
    if concept.facet == "content":
        passages = (texts[row].as_py() for row in rows[:READ_MOST].tolist())
        if said := definition(spelt, passages):
            return said
    also = [form.surface for form in forms if normal_form(form.surface) != normal_form(concept.name)]
    beside = _beside(concept.id, rows, on_row, rows_of, names, len(texts))
    return description(concept.facet, spelt, also[:DESCRIBED_MEMBERS], [names[other] for other in beside])


def _beside(
    concept_id: int,
    rows: np.ndarray,
    on_row: Mapping[int, list[int]],
    rows_of: Mapping[int, np.ndarray],
    names: Mapping[int, str],
    total: int,
) -> list[int]:
    """Up to two content concepts that share the concept's chunks more often than chance would have it.

    Those that share a word with its name are left out: that "dark matter" goes with "matter" tells nobody anything.
    """
    own = stems(names[concept_id])
    together = Counter(other for row in rows.tolist() for other in on_row.get(row, ()) if other != concept_id)
    lifted = [
        (n, other)
        for other, n in together.items()
        if n >= 2 and n * total >= BESIDE_LIFT * len(rows) * len(rows_of[other]) and not own & stems(names[other])
    ]
    return [other for _, other in sorted(lifted, key=lambda pair: (-pair[0], pair[1]))[:2]]


@lru_cache(maxsize=1 << 16)
def stems(name: str) -> frozenset[str]:
    """The stems of a name's words."""
    return frozenset(stem(word) for word in normal_form(name).split(" "))


def concept_name(forms: Sequence[Form], usage: Usage) -> str:
    """The most frequent spelling of the most frequent form, in sentence case; a topic without article or loose ends."""
    words = _within(forms, usage)
    return words[:1].upper() + words[1:] if words.split(" ", 1)[0].islower() else words


def _within(forms: Sequence[Form], usage: Usage) -> str:
    """The concept's name as it is spelt within a sentence."""
    if forms[0].facet == "entity":
        return forms[0].surface
    surface = _LOOSE.sub("", forms[0].surface)
    if forms[0].facet != "content":
        return surface
    return usage.cased(usage.noun([surface, *(form.surface for form in forms[1:])]))


def description(facet: str, topic: str, also: Sequence[str], beside: Sequence[str]) -> str:
    """One sentence that says what the concept covers, from other member tags and from frequent neighbours.

    ``topic`` is the concept's name as it is spelt within a sentence.
    """
    opening = {
        "content": f"Passages about {topic}",
        "entity": f"Passages that name {topic}",
        "tone": f"Passages whose tone is {topic}",
        "form": f"Passages that are {_article(topic)}",
    }[facet]
    covers = f", including {_listed(also)}" if also else ""
    where = f", often together with {_listed(beside)}" if beside else ""
    return f"{opening}{covers}{where}."


def question(facet: str, topic: str) -> str:
    """The yes-or-no question that decides whether a passage has the concept."""
    return {
        "content": f"Is the passage about {topic}?",
        "entity": f"Does the passage name {topic}?",
        "tone": f"Is the tone of the passage {topic}?",
        "form": f"Is the passage {_article(topic)}?",
    }[facet]


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def quotes(forms: Sequence[Form], texts: pa.ChunkedArray, doc_ids: pa.ChunkedArray, most: int) -> tuple[Example, ...]:
    """Quotes from different documents: sentences that hold a member's words where there are some."""
    chosen: dict[str, str] = {}
    for form in forms:
        for row in form.chunks[:READ_MOST].tolist():
            if len(chosen) == most:
                return _examples(chosen)
            text, doc_id = texts[row].as_py(), doc_ids[row].as_py()
            if doc_id not in chosen and text.strip():
                chosen[doc_id] = _quote(text, form.surfaces)
    return _examples(chosen)


def _examples(chosen: dict[str, str]) -> tuple[Example, ...]:
    return tuple(Example(quote, doc_id) for doc_id, quote in chosen.items())


def _quote(text: str, surfaces: Iterable[str]) -> str:
    sentences = [" ".join(s.split()) for s in _SENTENCE.split(text.strip()) if s.strip()]
    wanted = [surface.casefold() for surface in surfaces]
    best = next((s for s in sentences if any(w in s.casefold() for w in wanted)), sentences[0] if sentences else "")
    return best if len(best) <= QUOTE_CHARS else best[: QUOTE_CHARS - 1].rsplit(" ", 1)[0] + "…"
