"""A small tokenizer.json, trained on the spot, and the tokenizers that chunks are tested with."""

from pathlib import Path

import pytest

from atlas.chunking.tokenizer import Tokenizer, tokenizer

SPECIAL = "<|endoftext|>"
SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    "Der schnelle braune Fuchs springt über den faulen Hund.",
    "def add(first, second):\n    return first + second\n",
    "| name | size |\n| --- | --- |\n| fox | small |\n",
]


def save_byte_level_bpe(folder: Path) -> Path:
    """Train a byte-level BPE of 400 tokens, whose special token is also written in the text as characters."""
    from tokenizers import Tokenizer as Fast
    from tokenizers import models, pre_tokenizers, trainers

    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(SENTENCES * 20, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    fast.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


@pytest.fixture(scope="session")
def small_tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_byte_level_bpe(tmp_path_factory.mktemp("tokenizers") / "small")


@pytest.fixture(scope="session")
def small_tokenizer(small_tokenizer_file: Path) -> Tokenizer:
    return tokenizer(str(small_tokenizer_file))


@pytest.fixture(scope="session")
def cl100k() -> Tokenizer:
    return tokenizer("cl100k_base")


@pytest.fixture(scope="session", params=["cl100k_base", "tokenizer.json"])
def any_tokenizer(request: pytest.FixtureRequest, cl100k: Tokenizer, small_tokenizer: Tokenizer) -> Tokenizer:
    """Each kind of tokenizer in turn."""
    return cl100k if request.param == "cl100k_base" else small_tokenizer
