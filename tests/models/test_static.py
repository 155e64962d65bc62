"""The static encoder, made from the real sentence model."""

import numpy as np
import pytest

from atlas.models.encoder import encoder
from atlas.models.static import StaticEncoder, distilled, static_encoder

MODEL = "all-minilm-l6-v2"


@pytest.fixture(scope="module")
def static() -> StaticEncoder:
    return static_encoder(MODEL)


def test_vectors_are_of_unit_length_whatever_stands_beside_a_text(static: StaticEncoder) -> None:
    texts = ["tides", "a much longer text about the rise and fall of the sea " * 40, "chess"]
    vectors = static.encode(texts)
    assert vectors.shape == (3, static.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(static.encode(texts[::-1])[::-1], vectors)
    assert np.array_equal(static.encode(texts[:1])[0], vectors[0])


def test_more_texts_than_a_block_keep_their_order(static: StaticEncoder) -> None:
    texts = [f"tag {number}" for number in range(9000)]
    assert np.array_equal(static.encode(texts)[8990:], static.encode(texts[8990:]))


def test_no_text_gives_no_vector_and_nothing_known_gives_zeros(static: StaticEncoder) -> None:
    assert static.encode([]).shape == (0, static.dimensions)
    assert not static.encode([""]).any()


def test_what_means_the_same_lies_close(static: StaticEncoder) -> None:
    texts = ["low tide", "tidal water", "chess openings", "vitamin C", "vitamin D"]
    tide, water, chess, c, d = static.encode(texts)
    assert tide @ water > tide @ chess + 0.2
    assert c @ d < 0.995


def test_cosines_follow_the_sentence_models(static: StaticEncoder) -> None:
    tags = "sea water,ocean,river,chess,board games,football,sport,tax law,taxation,court,Python,programming".split(",")
    pairs = np.triu_indices(len(tags), 1)
    cosines = [(vectors @ vectors.T)[pairs] for vectors in (static.encode(tags), encoder(MODEL).encode(tags))]
    assert np.corrcoef(cosines)[0, 1] > 0.75


def test_it_is_made_once_and_named_by_model_and_recipe(static: StaticEncoder) -> None:
    assert static_encoder(MODEL) is static
    assert len(static.digest) == 32 and static.digest != encoder(MODEL).digest


def test_rare_pieces_weigh_more_and_special_ones_nothing() -> None:
    vectors = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    table = distilled(vectors, ["[CLS]", "a", *(f"word{number}" for number in range(2998))])
    lengths = np.linalg.norm(table, axis=1)
    assert lengths[0] == 0
    assert lengths[2:12].mean() < lengths[-100:].mean() / 3
