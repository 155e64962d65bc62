"""Features: one word is one column whatever its token, and every chunk stands for itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from atlas.annotator.features import OPENING, OPENING_WEIGHT, Counts, Featurizer, inverse_document_frequency, weigh
from atlas.chunking.tokenizer import tokenizer
from atlas.chunking.vocabulary import folded_vocabulary

CL100K = tokenizer("cl100k_base")
FEATURIZER = Featurizer("cl100k_base", 1024)
PLACES = {" heart": 0, " valve": 1, " blood": 4}
SENTENCES = ("The heart pumps blood.", "A hash table maps keys to values; a table of hashes.", "Tides rise and fall.")


def counts_of(*texts: str) -> Counts:
    return FEATURIZER.counts(FEATURIZER.fold([CL100K.encode(text) for text in texts]))


def counted(*texts: str) -> np.ndarray:
    return counts_of(*texts).matrix.toarray()


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
    counts = counts_of("", " heart", " ... ")
    assert np.diff(counts.matrix.indptr).tolist() == [0, 1, 0]


def test_no_chunk_is_no_row() -> None:
    assert len(FEATURIZER.fold([])) == 0
    assert counts_of().matrix.shape == (0, FEATURIZER.width)


def test_width_is_words_and_buckets() -> None:
    assert FEATURIZER.width == FEATURIZER.words + 1024
    assert counts_of("x").matrix.shape[1] == FEATURIZER.width


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
    together = counts_of(*texts)
    assert together.matrix.shape == (len(texts), FEATURIZER.width)
    for row, text in enumerate(texts):
        own = slice(*together.matrix.indptr[row : row + 2])
        alone = counts_of(text)
        assert together.matrix.indices[own].tolist() == alone.matrix.indices.tolist()
        assert together.matrix.data[own].tolist() == alone.matrix.data.tolist()
        assert together.firsts[own].tolist() == alone.firsts.tolist()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=30), max_size=6), st.lists(st.integers(0, 5), max_size=6))
def test_words_that_are_taken_are_those_of_the_chunks_asked(texts: list[str], rows: list[int]) -> None:
    asked = np.array([row for row in rows if row < len(texts)], dtype=np.int64)
    words = FEATURIZER.fold([CL100K.encode(text) for text in texts]).take(asked)
    assert len(words) == len(asked)
    for place, row in enumerate(asked):
        alone = FEATURIZER.fold([CL100K.encode(texts[row])])
        assert words.flat[words.starts[place] : words.starts[place + 1]].tolist() == alone.flat.tolist()


def test_first_places_of_words_and_pairs_are_counted_in_words() -> None:
    counts = counts_of(" heart, valve! heart valve blood")
    places = dict(zip(counts.matrix.indices.tolist(), counts.firsts.tolist(), strict=True))
    words = {FEATURIZER.fold([CL100K.encode(word)]).flat[0]: place for word, place in PLACES.items()}
    assert {column: place for column, place in places.items() if column < FEATURIZER.words} == words
    assert sorted(place for column, place in places.items() if column >= FEATURIZER.words) == [0, 1, 3]


def test_columns_of_a_chunk_ascend_and_none_is_twice() -> None:
    matrix = counts_of(*SENTENCES).matrix
    for row in range(len(SENTENCES)):
        assert (np.diff(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]) > 0).all()


# Weights


def test_idf_is_scikit_learns() -> None:
    counts = counts_of(*SENTENCES)
    assert inverse_document_frequency(counts) == pytest.approx(TfidfTransformer().fit(counts.matrix).idf_, rel=1e-5)


def test_weighed_rows_are_scikit_learns_and_of_unit_length() -> None:
    counts = counts_of(*SENTENCES)
    assert counts.firsts.max() < OPENING  # so that all weigh the same
    weighed = weigh(counts, inverse_document_frequency(counts))
    assert np.linalg.norm(weighed.toarray(), axis=1) == pytest.approx(1, abs=1e-6)
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts.matrix)
    assert weighed.toarray() == pytest.approx(expected.toarray(), abs=1e-6)


def test_what_a_chunk_opens_with_weighs_more_than_what_stands_later() -> None:
    opened = " heart" * OPENING
    counts = counts_of(opened + " valve" * OPENING)
    weighed = weigh(counts, np.ones(FEATURIZER.width, dtype=np.float32))
    heart, valve = (weighed[0, FEATURIZER.fold([CL100K.encode(word)]).flat[0]] for word in (" heart", " valve"))
    assert heart / valve == pytest.approx(OPENING_WEIGHT)
    assert np.linalg.norm(weighed.toarray()) == pytest.approx(1, abs=1e-6)


def test_word_that_stands_in_the_opening_and_later_counts_as_opening() -> None:
    tail = " valve" * OPENING
    counts = counts_of(" heart blood" + tail + " heart")
    weighed = weigh(counts, np.ones(FEATURIZER.width, dtype=np.float32))
    heart, blood = (weighed[0, FEATURIZER.fold([CL100K.encode(word)]).flat[0]] for word in (" heart", " blood"))
    assert heart / blood == pytest.approx(1 + np.log(2))


def test_weighing_leaves_counts_and_empty_rows_as_they_are() -> None:
    counts = counts_of(*SENTENCES, "")
    before = counts.matrix.copy()
    weighed = weigh(counts, inverse_document_frequency(counts))
    assert (counts.matrix != before).nnz == 0
    assert weighed[[3]].nnz == 0
    assert weighed.dtype == np.float32
