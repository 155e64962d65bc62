"""Any tokenizer is one function and one name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from token_run import TokenStage, token_run

from atlas.chunking.tokenizer import tokenizer as named
from atlas.errors import AtlasError
from atlas.reader import read_windows
from atlas.reader.encode import Encoder

TEXT = "One two <|endoftext|> three, über."


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer of Hugging Face's that would add special tokens if it were let."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(["[CLS]", "[UNK]", "One", "two", "three", ",", "."])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 0)])
    made.save(str(tmp_path_factory.mktemp("words") / "tokenizer.json"))
    return made


def test_tiktoken_and_atlas_agree_and_treat_special_tokens_as_text() -> None:
    import tiktoken

    ours = named("cl100k_base")
    raw = tiktoken.Encoding(
        "cl100k_base",
        pat_str=ours._encoding._pat_str,
        mergeable_ranks=ours.ranks,
        special_tokens={"<|endoftext|>": 100257},
    )
    expected = ours.encode(TEXT)
    for form in ("cl100k_base", ours, raw):
        encode = Encoder(form)
        assert encode.name == "cl100k_base"
        assert encode(TEXT).tolist() == expected.tolist()
        assert encode(TEXT).dtype == np.uint32


def test_hugging_face_tokenizers_add_no_special_tokens(words: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(tokenizer_object=words)
    for form in (words, fast):
        assert Encoder(form)("One two").tolist() == [2, 3]
    assert Encoder(words).name == Encoder(words).name
    assert "@" in Encoder(fast).name


def test_what_a_tokenizer_does_is_in_its_name() -> None:
    class Plain:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def encode(self, text: str) -> list[int]:
            return [ord(letter) * self.factor for letter in text]

    assert Encoder(Plain(1)).name == Encoder(Plain(1)).name
    assert Encoder(Plain(1)).name != Encoder(Plain(2)).name


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(AtlasError, match=r"has no encode\(text\)"):
        Encoder(3)
    with pytest.raises(AtlasError, match="not known"):
        Encoder("no such tokenizer")


def test_text_alone_gives_the_tokens_that_were_written(run: Path, tmp_path: Path) -> None:
    texts = token_run(tmp_path, TokenStage(tokens=False))
    for one, other in zip(read_windows(run, 25), read_windows(texts, 25), strict=True):
        assert one.tokens.tolist() == other.tokens.tolist()
        assert one.concept_ids.tolist() == other.concept_ids.tolist()


def test_the_tokenizer_of_the_parts_in_any_form_reads_their_ids(run: Path) -> None:
    class Renamed:
        def encode(self, text: str) -> list[int]:
            return named("cl100k_base").encode(text).tolist()

    corpus: Any = read_windows(run, 25, tokenizer=Renamed()).corpus
    assert corpus.tokenizer == "cl100k_base"
