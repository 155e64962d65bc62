"""Prompts are versioned files: what stands in them. ``question.py`` makes questions of them."""

from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import PositiveInt, model_validator

from atlas.digest import of_json
from atlas.llm import prompt_files
from atlas.llm.prompt_files import PromptPart
from atlas.tables import FACETS
from atlas.tagging import network_files
from atlas.tagging.choose import Choice, Weighed
from atlas.tagging.phrases import PHRASES_MOST

ANY_MODEL = "json.v1"  # what a model is asked for which no prompt was made

Facet = Literal["content", "entity", "tone", "form"]


class Field(PromptPart):
    """A facet and the words that ask for it."""

    facet: Facet
    label: str


class LineExample(PromptPart):
    """A passage with its tags: all of the one field, or one of each field."""

    passage: str
    answers: tuple[str, ...]


class Call(PromptPart):
    """One question, answered in one line behind the passage: ``Label: tag, tag.`` for one field or several."""

    fields: tuple[Field, ...]
    passage_chars: PositiveInt
    max_tokens: PositiveInt
    max_tags: PositiveInt
    examples: tuple[LineExample, ...]
    ban_examples: bool = False
    quoted: bool = False  # tags must stand in the passage, as names do
    words_only: bool = False  # tags are made of letters alone, as kinds and tones are

    @model_validator(mode="after")
    def _answers_fit_the_fields(self) -> "Call":
        if not self.fields:
            raise ValueError("a call asks for at least one field")
        for example in self.examples:
            if len(self.fields) > 1 and len(example.answers) != len(self.fields):
                raise ValueError(f"example {example.passage[:40]!r}: give one answer for each of the fields")
        return self


class ChoiceOfTopics(PromptPart):
    """Which topics are kept, where the passage's own phrases are candidates too; see ``choose.py``.

    ``kinds`` and ``weighing`` are names or paths of networks that were fitted on vectors of ``encoder``: the first says
    what kinds of things are topics (``kinds.py``), the second weighs candidates, in place of ``weights`` and ``bias``.
    ``phrases`` of a passage are candidates at most: what weighs them was fitted on so many.
    """

    encoder: str
    weights: dict[Weighed, float] | None = None
    bias: float = 0.0
    most: PositiveInt
    least: float
    alike: float
    variety: float = 0.0
    phrases: PositiveInt = PHRASES_MOST
    kinds: str | None = None
    weighing: str | None = None

    @model_validator(mode="after")
    def _is_weighed_in_one_way(self) -> "ChoiceOfTopics":
        if (self.weighing is None) == (not self.weights):
            raise ValueError("give either `weights` and `bias`, or `weighing: NAME`")
        if self.weighing is not None and self.kinds is None:
            raise ValueError("`weighing: NAME` needs `kinds: NAME`")
        if self.weighing is None and (self.kinds is None) != ("kinds" not in (self.weights or {})):
            raise ValueError("`kinds: NAME` goes with a weight of the name `kinds`, and the reverse")
        return self

    def choice(self) -> Choice:
        """The choice with its networks.

        Raises:
            AtlasError: one of them can't be read.
        """
        of_kinds, weighing = (network_files.read(name) if name else None for name in (self.kinds, self.weighing))
        return Choice(
            self.weights or {}, self.bias, self.most, self.least, self.alike, self.variety, of_kinds, weighing
        )


class _PromptFile(PromptPart):
    """What every prompt file has.

    ``models`` are those for which it is the default, as patterns of their names. ``retry`` is the version of the
    prompt that is asked once about chunks whose answer held no topic.
    """

    version: str
    models: tuple[str, ...] = ()
    retry: str | None = None
    choice: ChoiceOfTopics | None = None


class LinePrompt(_PromptFile):
    """A prompt that asks a few short questions."""

    calls: tuple[Call, ...]


class JsonExample(PromptPart):
    passage: str
    answer: str


class JsonPrompt(_PromptFile):
    """A prompt that asks for all facets in one JSON object."""

    instructions: str
    passage_chars: PositiveInt
    max_tokens: PositiveInt
    max_tags: dict[str, PositiveInt]
    examples: tuple[JsonExample, ...]

    @model_validator(mode="after")
    def _every_facet_has_a_limit(self) -> "JsonPrompt":
        if set(self.max_tags) != set(FACETS):
            raise ValueError(f"max_tags must have exactly {', '.join(FACETS)}")
        return self


PromptFile = LinePrompt | JsonPrompt


def default_prompt(model: str) -> str:
    """The prompt that was made for a model, by its name, or the one for any."""
    name = model.rsplit("/", 1)[-1].casefold()
    for version in shipped():
        if any(fnmatchcase(name, pattern) for pattern in prompt_file(version).models):
            return version
    return ANY_MODEL


def shipped() -> list[str]:
    """The versions of the prompts that ship with Atlas."""
    return prompt_files.shipped("atlas.tagging")


def prompt_file(name: str) -> PromptFile:
    """A prompt that ships with Atlas by its version, or a file of one's own by its path.

    Raises:
        AtlasError: no such prompt, or a file that is none.
    """
    return prompt_files.read(name, "atlas.tagging", _of_its_kind)


def _of_its_kind(keys: dict[str, Any]) -> PromptFile:
    return LinePrompt.model_validate(keys) if "calls" in keys else JsonPrompt.model_validate(keys)


def prompt_digest(name: str) -> str:
    """Digest of a prompt's content, of its retry's and of its networks', so that an edited file is another prompt."""
    prompt = prompt_file(name)
    retry = prompt_file(prompt.retry).model_dump(mode="json") if prompt.retry else None
    named = [prompt.choice.kinds, prompt.choice.weighing] if prompt.choice else []
    return of_json([prompt.model_dump(mode="json"), retry, *[network_files.digest(name) for name in named if name]])
