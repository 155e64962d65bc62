"""What an engine is: something that completes prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Finish = Literal["stop", "length", "refused", "error"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt in two pieces.

    ``static`` is the part that many prompts share (instructions and examples); an engine may cache it.
    ``text`` is the rest. A completion engine sees ``static + text``; a chat engine sees ``static`` as the
    system message and ``text`` as the user's.
    """

    static: str
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to decode. ``max_tokens`` is per completion; generation ends before any of ``stop``.

    ``banned`` are strings that must not be generated (engines without such a control ignore them, and the
    parser drops what slips through). ``schema`` is a JSON Schema, and ``regex`` a regular expression that the
    whole answer must match, for engines that can bind output to one; give one of the two at most.
    """

    max_tokens: int
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    banned: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    regex: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back for one prompt. ``detail`` says why when ``finish`` is ``refused`` or ``error``."""

    text: str
    finish: Finish
    prompt_tokens: int = 0
    completion_tokens: int = 0
    detail: str = ""


class Engine(Protocol):
    """Completes prompts in order: the i-th completion answers the i-th prompt.

    A prompt that fails gives a ``Completion`` whose ``finish`` is ``error``; ``complete`` raises
    :class:`atlas.errors.AtlasError` only when no prompt can succeed (wrong address, wrong key, no model).
    """

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]: ...

    def close(self) -> None: ...
