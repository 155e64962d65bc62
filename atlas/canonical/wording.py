"""Words for a concept from a language model: what it is asked, and what of its answer may stand in a library."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import NonNegativeInt, PositiveInt

from atlas.canonical.describe import question as composed_question
from atlas.canonical.place import MADE
from atlas.digest import of_json
from atlas.library.concept import Concept
from atlas.library.names import normal_form
from atlas.llm import prompt_files
from atlas.llm.base import Prompt, Sampling
from atlas.llm.prompt_files import PromptPart
from atlas.tagging.passage import gives_orders, shown

KINDS = {"content": "topic", "entity": "name", "tone": "tone", "form": "kind of text"}
MARKS = ("Kind", "Tags", "Quote", "Beside", "Answer")  # words before a colon that give the prompt its structure
TAG_CHARS = NAME_CHARS = 60
NAME_WORDS = 6
SENTENCE_CHARS = 200
OTHER_WORDS = 3  # that a description has beside those of the name
_NAME = re.compile(r"\w(?:[\w '’&/.+#,()–-]*[\w)+#])?")
_SENTENCES = re.compile(r"[.!?]\s+[A-Z]")
_YES_OR_NO = re.compile(r"(?:Is|Are|Was|Were|Does|Do|Did|Has|Have|Can|Could|Will|Would|Should|Might|May)\s[^?\n]+\?")
_WORD = re.compile(r"\w+")


class WordsExample(PromptPart):
    """A group of tags as it is asked about, and the answer, JSON as text."""

    kind: str
    tags: dict[str, int]
    quotes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    answer: str


class WordsPrompt(PromptPart):
    """A prompt file: instructions, how much is shown of a concept, worked examples."""

    version: str
    instructions: str
    quotes: NonNegativeInt
    quote_chars: PositiveInt
    tags: PositiveInt
    max_tokens: PositiveInt
    examples: tuple[WordsExample, ...] = ()

    @property
    def digest(self) -> str:
        """Of its content, so that an edited file is another prompt."""
        return of_json(self.model_dump(mode="json"))

    @property
    def sampling(self) -> Sampling:
        text = {"type": "string"}
        properties = {
            "coherent": {"type": "boolean"},
            "name": text | {"maxLength": NAME_CHARS},
            "description": text | {"maxLength": SENTENCE_CHARS},
            "question": text | {"maxLength": SENTENCE_CHARS},
        }
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return Sampling(self.max_tokens, ("\n\n",), schema=schema)

    def about(self, concept: Concept, beside: Sequence[str]) -> Prompt:
        """What is asked about a concept. Its name is left out, so that a name given before changes no question."""
        members = sorted(concept.members.items(), key=lambda item: (-item[1], item[0]))
        tags = {shown(tag, TAG_CHARS, MARKS): chunks for tag, chunks in members if not gives_orders(tag)}
        quotes = [example.quote for example in concept.examples if not gives_orders(example.quote)]
        shots = "".join(f"{_asked(e.kind, e.tags, e.quotes, e.beside)} {e.answer}" for e in self.examples)
        return Prompt(
            self.instructions + shots,
            _asked(
                KINDS[concept.facet],
                dict(list(tags.items())[: self.tags]),
                [shown(quote, self.quote_chars, MARKS) for quote in quotes[: self.quotes]],
                [shown(name, TAG_CHARS, MARKS) for name in beside],
            ),
        )


def _asked(kind: str, tags: Mapping[str, int], quotes: Sequence[str], beside: Sequence[str]) -> str:
    """The question about one group. Quotes are JSON strings: what they hold can't end them."""
    lines = [f"Kind: {kind}", f"Tags: {', '.join(f'{tag} ({chunks})' for tag, chunks in tags.items())}"]
    lines += [f"Quote: {json.dumps(quote, ensure_ascii=False)}" for quote in quotes]
    lines += [f"Beside: {', '.join(beside)}"] if beside else []
    return "\n\n" + "\n".join([*lines, "Answer:"])


def words_prompt(name: str) -> WordsPrompt:
    """A prompt that ships with Atlas by its version, or a file of one's own by its path.

    Raises:
        AtlasError: no such prompt, or a file that is none.
    """
    return prompt_files.read(name, "atlas.canonical", WordsPrompt.model_validate)


@dataclass(frozen=True, slots=True)
class Words:
    """What a model says of a concept; empty where it may not stand in a library, and ``refused`` says why not."""

    coherent: bool = True
    name: str = ""
    description: str = ""
    question: str = ""
    refused: str = ""


def read(answer: str) -> Words:
    """The words in an answer: all that may stand, or none. A name may still be another concept's."""
    start = answer.find("{")
    try:
        value = json.JSONDecoder().raw_decode(answer[start:])[0] if start >= 0 else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("coherent"), bool):
        return Words(refused="unparsed")
    if not value["coherent"]:
        return Words(coherent=False)
    name, description, question = (_line(value.get(key)) for key in ("name", "description", "question"))
    description = _sentence(description)
    if not _is_description(description, name):
        return Words(refused="bad description")
    if len(question) > SENTENCE_CHARS or not _YES_OR_NO.fullmatch(question):
        return Words(refused="bad question")
    return Words(True, name if _is_name(name) else "", description, question)


def _line(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _sentence(text: str) -> str:
    """With a capital and a full stop, which models forget."""
    return text[:1].upper() + text[1:] + ("." if text[-1:].isalnum() or text[-1:] == ")" else "")


def _is_name(name: str) -> bool:
    few = len(name) <= NAME_CHARS and len(name.split()) <= NAME_WORDS
    return few and _NAME.fullmatch(name) is not None and any(map(str.isalpha, name)) and normal_form(name) != ""


def _is_description(text: str, name: str) -> bool:
    """Whether it is one sentence that says more than the name; not one that would be taken for composed."""
    if not text.endswith(".") or len(text) > SENTENCE_CHARS or _SENTENCES.search(text) or text.startswith(MADE):
        return False
    own = {word[:5] for word in _WORD.findall(name.casefold())}
    return len({word for word in _WORD.findall(text.casefold()) if word[:5] not in own}) >= OTHER_WORDS


def composed(concept: Concept) -> bool:
    """Whether the description is one made of tags."""
    return concept.description.startswith(MADE)


def worded(concept: Concept, words: Words, *, is_new: bool) -> Concept:
    """The concept with a model's words. One that was there before keeps its name, and a question that people wrote."""
    name = concept.name
    if is_new and words.name:
        name = _sentence_case(words.name, concept) if concept.facet != "entity" else words.name
    members = dict(concept.members)
    if normal_form(concept.name) not in {normal_form(form) for form in (name, *members)}:
        members[concept.name] = 0  # what it was called is still a tag that means it
    ours = composed_question(concept.facet, concept.name).casefold() == concept.question.casefold()
    question = words.question if is_new or ours or not concept.question else concept.question
    return replace(concept, name=name, members=members, description=words.description, question=question)


def _sentence_case(name: str, concept: Concept) -> str:
    """A first capital and no article; further capitals go where the tags write the word without ("Blood Flow")."""
    name = name[4:] if name.lower().startswith("the ") else name
    written = {word for member in concept.members for word in member.split()}
    first, *rest = name.split(" ")
    loud = {word for word in rest if word.istitle() and word.lower() in written and word not in written}
    return " ".join([first[:1].upper() + first[1:], *(word.lower() if word in loud else word for word in rest)])
