"""The sentence model, for real."""

import numpy as np
import pytest

from atlas.models.encoder import Encoder, encoder


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return encoder("all-minilm-l6-v2")


def test_vectors_are_of_unit_length_and_in_the_order_of_texts(minilm: Encoder) -> None:
    texts = ["tides", "a much longer text about the rise and fall of the sea", "chess"]
    vectors = minilm.encode(texts)
    assert vectors.shape == (3, minilm.dimensions) == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert minilm.encode(texts[::-1])[::-1] == pytest.approx(vectors, abs=1e-4)


def test_no_text_gives_no_vector(minilm: Encoder) -> None:
    assert minilm.encode([]).shape == (0, 384)


def test_all_of_a_long_text_is_read(minilm: Encoder) -> None:
    sea, chess = ("the tide goes out and the boats lie dry " * 40, "chess openings and how to answer them " * 40)
    both, tides, openings = minilm.encode([sea + chess, sea, chess])
    assert both @ openings > tides @ openings + 0.3
    assert both @ tides > tides @ openings + 0.3
    assert minilm.encode(["tides", sea + chess])[1] == pytest.approx(both, abs=1e-4)


def test_vectors_do_not_depend_on_how_many_pieces_are_read_at_a_time(minilm: Encoder) -> None:
    ids = minilm.cut(["tides", "a much longer text about the sea", "chess " * 30]).ids
    assert minilm.read(ids, together=1) == pytest.approx(minilm.read(ids), abs=1e-3)


def test_what_means_the_same_lies_close(minilm: Encoder) -> None:
    ebb, tide, chess = minilm.encode(["low tide", "the tide goes out", "chess openings"])
    assert ebb @ tide > ebb @ chess + 0.2


def test_model_is_loaded_once_and_known_by_its_weights(minilm: Encoder) -> None:
    assert encoder("all-minilm-l6-v2") is minilm
    assert len(minilm.digest) == 32
