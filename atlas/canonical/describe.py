"""Names, descriptions, questions and quotes of concepts, from their member tags and where these occur."""

import re
from collections.abc import Iterable, Sequence

from atlas.canonical.forms import Form
from atlas.library.concept import Example

QUOTE_CHARS = 200
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def concept_name(forms: Sequence[Form]) -> str:
    """The most frequent spelling of the most frequent form, in sentence case."""
    surface = forms[0].surface
    first_word = surface.split(" ", 1)[0]
    return surface[:1].upper() + surface[1:] if first_word.islower() else surface


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


def quotes(forms: Sequence[Form], texts: Sequence[str], doc_ids: Sequence[str], most: int) -> tuple[Example, ...]:
    """Quotes from different documents: sentences that hold a member's words where there are some."""
    chosen: dict[str, str] = {}
    for form in forms:
        for row in form.chunks:
            if len(chosen) == most:
                return _examples(chosen)
            if doc_ids[row] not in chosen and texts[row].strip():
                chosen[doc_ids[row]] = _quote(texts[row], form.surfaces)
    return _examples(chosen)


def _examples(chosen: dict[str, str]) -> tuple[Example, ...]:
    return tuple(Example(quote, doc_id) for doc_id, quote in chosen.items())


def _quote(text: str, surfaces: Iterable[str]) -> str:
    sentences = [" ".join(s.split()) for s in _SENTENCE.split(text.strip()) if s.strip()]
    wanted = [surface.casefold() for surface in surfaces]
    best = next((s for s in sentences if any(w in s.casefold() for w in wanted)), sentences[0] if sentences else "")
    return best if len(best) <= QUOTE_CHARS else best[: QUOTE_CHARS - 1].rsplit(" ", 1)[0] + "…"
