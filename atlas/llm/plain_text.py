"""Text in which nothing is special: a passage that holds ``<|im_end|>`` must not end the user's turn."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.llm.base import Sampling

if TYPE_CHECKING:
    from tokenizers import Encoding

TOKENIZER = "tokenizer.json"
END_OF_TURN = ("<|im_end|>", "<|endoftext|>", "</s>")
# What chat templates use as marks: <|im_end|>, <|eot_id|>, <s>, </s>, <eos>, <start_of_turn>, [INST], <<SYS>> …
MARKS = re.compile(
    r"<(?=\|[^\s|<>]{1,40}\|>|/?(?:s|bos|eos|pad|unk|think|tool_call|start_of_turn|end_of_turn|image)>|</?SYS>>)"
    r"|<(?=｜[^|<>｜]{1,40}｜>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\])"
)


class PlainTokenizer:
    """A model's own tokenizer that spells out what looks like a special token."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import AddedToken, Tokenizer

        file = folder / TOKENIZER
        if not file.is_file():
            raise AtlasError(f"{folder}: no {TOKENIZER}; save the model's fast tokenizer there (save_pretrained)")
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # Some marks (<think>, <tool_call>) are added to a vocabulary without being called special; runs of white
        # space are too, and those are text.
        added = [token.content for token in self._tokenizer.get_added_tokens_decoder().values()]
        marks = [AddedToken(text, special=True, normalized=False) for text in added if text.strip()]
        self._tokenizer.add_special_tokens(marks)
        # What the model wants in front of any text: a beginning-of-sequence token, or nothing.
        front = self._tokenizer.encode("", add_special_tokens=True)
        self.front_ids, self.front = (front.ids, front.tokens) if len(front.ids) == 1 else ([], [])
        self._tokenizer.encode_special_tokens = True
        vocabulary = self._tokenizer.get_vocab()
        self._tokens = sorted(vocabulary, key=vocabulary.__getitem__)

    def encode(self, text: str) -> "Encoding":
        """Ids and tokens of a text."""
        plain = text.encode(errors="replace").decode()  # half a surrogate pair has no tokens
        return self._tokenizer.encode(plain, add_special_tokens=False)

    def decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids)

    def ending(self, stop: tuple[str, ...]) -> list[str]:
        """Tokens that end an answer: those that hold a stop string, and ends of a turn.

        A byte-level vocabulary writes a line's end as Ċ and a space as Ġ.
        """
        marks = [text.replace("\n", "Ċ").replace(" ", "Ġ") for text in stop]
        inside = [token for token in self._tokens if any(mark in token for mark in marks)]
        return [*inside, *[token for token in END_OF_TURN if self._tokenizer.token_to_id(token) is not None]]

    def id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        assert found is not None, token
        return found


def marks_broken(text: str) -> str:
    """The text with a space inside everything that a chat template might use as a mark.

    For servers that tokenize themselves: there is no way to tell them that a passage holds no marks.
    """
    return MARKS.sub(lambda match: match[0] + " ", text)


def stops(sampling: Sampling) -> tuple[str, ...]:
    """The stop strings that count where output is bound: JSON ends by itself, and may hold an empty line before."""
    return sampling.stop if sampling.schema is None else ()


def until_stop(text: str, stop: tuple[str, ...]) -> tuple[str, bool]:
    """The text before the first of ``stop``, and whether there was one."""
    ends = [at for string in stop if string and (at := text.find(string)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)
