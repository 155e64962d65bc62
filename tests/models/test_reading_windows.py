"""Texts in windows, with a real tokenizer."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from atlas.models.fetch import locate
from atlas.models.windows import batches, cutting, of_texts, padded, windows

WORDS = ["tide", "chess", "tax", "law"]
LONG = " ".join(WORDS[number % 4] for number in range(50))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(locate("all-minilm-l6-v2") / "tokenizer.json"))


def test_windows_hold_every_piece_once_in_order(tokenizer: Tokenizer) -> None:
    found = windows(cutting(tokenizer, 16), ["tide", LONG, "", "chess"])
    assert found.starts.tolist() == [0, 1, 5, 6]
    assert [len(ids) for ids in found.ids] == [3, 16, 16, 16, 10, 2, 3]
    inside = np.concatenate([ids[1:-1] for ids in found.ids[1:5]])
    assert [tokenizer.id_to_token(int(piece)) for piece in inside] == LONG.split()
    assert {(ids[0], ids[-1]) for ids in found.ids} == {(101, 102)}


def test_no_text_has_no_window(tokenizer: Tokenizer) -> None:
    found = windows(cutting(tokenizer, None), [])
    assert (len(found.ids), len(found.starts)) == (0, 0)
    assert of_texts(np.zeros((0, 4), np.float32), found.starts).shape == (0, 4)


def test_cutting_leaves_the_tokenizer_as_it_was(tokenizer: Tokenizer) -> None:
    before = tokenizer.to_str()
    cutting(tokenizer, 16).encode(LONG)
    assert tokenizer.to_str() == before


def test_batches_hold_every_window_once_and_no_more_pieces_than_asked() -> None:
    ids = [np.zeros(length, np.int32) for length in (3, 50, 4, 4, 7, 12)]
    found = [batch.tolist() for batch in batches(ids, 16)]
    assert found == [[1], [5], [4, 2], [3, 0]]


def test_padded_windows_say_what_is_there() -> None:
    matrix, there = padded([np.array([5, 6, 7], np.int32), np.array([8], np.int32)], 9)
    assert matrix.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert there.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_text_is_the_mean_of_its_windows_by_pieces() -> None:
    vectors = np.array([[0, 2], [3, 0], [0, 4]], np.float32)  # one window; two, each times its pieces
    assert of_texts(vectors, np.array([0, 1])) == pytest.approx(np.array([[0, 1], [0.6, 0.8]]))
    assert of_texts(vectors, np.arange(3)) == pytest.approx(np.array([[0, 1], [1, 0], [0, 1]]))
