"""Features: one word is one column whatever its token, and every chunk stands for itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from atlas.annotator.features import Featurizer, folded_vocabulary, inverse_document_frequency, weigh
from atlas.chunking.tokenizer import tokenizer

CL100K = tokenizer("cl100k_base")
FEATURIZER = Featurizer("cl100k_base", 1024)
SENTENCES = ("The heart pumps blood.", "A hash table maps keys to values; a table of hashes.", "Tides rise and fall.")


def counted(*texts: str) -> np.ndarray:
    return FEATURIZER.counts([CL100K.encode(text) for text in texts]).toarray()


def words_of(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(row[: FEATURIZER.words]).tolist())


@pytest.mark.parametrize("text", [" Heart", "heart", " heart", "Heart", " hearts", " heart.", "\n\n heart"])
def test_spellings_of_a_word_are_one_feature(text: str) -> None:
    [wanted, found] = counted(" heart", text)
    assert words_of(found) == words_of(wanted)
    assert len(words_of(wanted)) == 1


def test_feature_is_named_by_its_folded_word() -> None:
    table, words = folded_vocabulary("cl100k_base")
    [token] = CL100K.encode(" Hearts"[:6])
    assert words[table[token]] == "heart"
    assert len(set(words)) == len(words) == FEATURIZER.words


def test_punctuation_has_no_feature_and_does_not_part_neighbours() -> None:
    bare, marked = counted(" heart valve", " heart, valve!")
    assert (bare == marked).all()


def test_chunk_without_tokens_is_an_empty_row() -> None:
    counts = FEATURIZER.counts([CL100K.encode(""), CL100K.encode(" heart"), CL100K.encode(" ... ")])
    assert np.diff(counts.indptr).tolist() == [0, 1, 0]


def test_no_chunk_is_no_row() -> None:
    assert FEATURIZER.counts([]).shape == (0, FEATURIZER.width)


def test_width_is_words_and_buckets() -> None:
    assert FEATURIZER.width == FEATURIZER.words + 1024
    assert FEATURIZER.counts([CL100K.encode("x")]).shape[1] == FEATURIZER.width


def test_words_are_counted_and_pairs_stand_behind_them() -> None:
    [row] = counted(" heart heart valve")
    words, pairs = row[: FEATURIZER.words], row[FEATURIZER.words :]
    assert sorted(words[words > 0].tolist()) == [1, 2]
    assert pairs.sum() == 2


def test_order_of_a_pair_matters() -> None:
    first, second = counted(" heart valve", " valve heart")
    assert words_of(first) == words_of(second)
    assert (first != second).any()


def test_last_word_of_a_chunk_makes_no_pair_with_the_next_chunk() -> None:
    alone = np.concatenate([counted(" heart"), counted(" valve")])
    assert (counted(" heart", " valve") == alone).all()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(), max_size=6))
def test_any_chunk_has_the_row_it_has_alone(texts: list[str]) -> None:
    tokens = [CL100K.encode(text) for text in texts]
    together = FEATURIZER.counts(tokens)
    assert together.shape == (len(texts), FEATURIZER.width)
    for row, ids in enumerate(tokens):
        assert (together[[row]] != FEATURIZER.counts([ids])).nnz == 0


# Weights


def test_idf_is_scikit_learns() -> None:
    counts = FEATURIZER.counts([CL100K.encode(text) for text in SENTENCES])
    assert inverse_document_frequency(counts) == pytest.approx(TfidfTransformer().fit(counts).idf_, rel=1e-5)


def test_weighed_rows_are_scikit_learns_and_of_unit_length() -> None:
    counts = FEATURIZER.counts([CL100K.encode(text) for text in SENTENCES])
    weighed = weigh(counts, inverse_document_frequency(counts))
    assert np.linalg.norm(weighed.toarray(), axis=1) == pytest.approx(1, abs=1e-6)
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    assert weighed.toarray() == pytest.approx(expected.toarray(), abs=1e-6)


def test_weighing_leaves_counts_and_empty_rows_as_they_are() -> None:
    counts = FEATURIZER.counts([CL100K.encode(text) for text in (*SENTENCES, "")])
    before = counts.copy()
    weighed = weigh(counts, inverse_document_frequency(counts))
    assert (counts != before).nnz == 0
    assert weighed[[3]].nnz == 0
    assert weighed.dtype == np.float32
