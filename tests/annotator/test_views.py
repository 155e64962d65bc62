"""Candidates and views of chunks: the likely concepts are among them, and no chunk hangs on those beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from unpacked import unpacked

from atlas.annotator import learn
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import label_matrix
from atlas.annotator.distill import Teacher
from atlas.annotator.features import Featurizer, Words, inverse_document_frequency, weigh
from atlas.annotator.kernels import AKIN, ALIKE, NAMED, READ, VIEWS
from atlas.annotator.views import NOT_READ, Pairs, Tables, V, cosines, pairs_of, quantised
from atlas.chunking.tokenizer import tokenizer
from atlas.chunking.vocabulary import folded_vocabulary
from atlas.library.concept import Concept, Library

CL100K = tokenizer("cl100k_base")
FEATURIZER = Featurizer("cl100k_base", 1024)
CONCEPTS = 3 * (ALIKE + AKIN + NAMED)
LIMIT = ALIKE + AKIN + NAMED


def plain_words(count: int) -> list[str]:
    """English words that are one token each."""
    words = (w for w in folded_vocabulary("cl100k_base")[1] if w.isascii() and w.isalpha() and 5 <= len(w) <= 8)
    single = [word for word in words if len(CL100K.encode(" " + word)) == 1]
    return [single[place] for place in np.random.default_rng(7).permutation(len(single))[:count]]


NAMES = plain_words(CONCEPTS + 100)
OTHERS = NAMES[CONCEPTS:]


def sentence(words: list[str]) -> str:
    return " " + " ".join(words)


class Learned:
    """Tables of many concepts, each named by a word; those of the first half have examples."""

    def __init__(self, teacher: Teacher) -> None:
        rng = np.random.default_rng(0)
        labels = [set(rng.choice(CONCEPTS // 2, 5, replace=False).tolist()) for _ in range(300)]
        texts = [[*(NAMES[c] for c in own), *rng.choice(OTHERS, 25)] for own in labels]
        words = FEATURIZER.fold([CL100K.encode(sentence(own)) for own in texts])
        counts = FEATURIZER.counts(words)
        self.idf = inverse_document_frequency(counts)
        weighed = weigh(counts, self.idf)
        library = Library(tuple(Concept(n, "content", NAMES[n - 1], "x") for n in range(1, CONCEPTS + 1)))
        config = TrainConfig(bigram_buckets=1024, dimensions=16)
        read = [sentence(own) for own in texts]
        known = learn.known(library, FEATURIZER, self.idf, weighed, read, teacher, config)
        self.texts = texts
        self.labels = label_matrix(labels, CONCEPTS)
        self.tables: Tables = learn.tables(words, weighed, self.labels, known, config)

    def read(self, *texts: str) -> tuple[Words, sparse.csr_matrix]:
        words = FEATURIZER.fold([CL100K.encode(text) for text in texts])
        return words, weigh(FEATURIZER.counts(words), self.idf)

    def pairs(self, *texts: str, read: np.ndarray = NOT_READ) -> Pairs:
        return pairs_of(*self.read(*texts), self.tables, read)


@pytest.fixture(scope="module")
def learned(random_teacher: Teacher) -> Learned:
    return Learned(random_teacher)


chunks = st.lists(
    st.one_of(st.text(max_size=20), st.lists(st.sampled_from(NAMES), max_size=30).map(sentence)), max_size=5
)


# Candidates


def test_concepts_whose_names_stand_in_a_chunk_are_candidates(learned: Learned) -> None:
    named = [3, CONCEPTS // 2 + 3, CONCEPTS - 1]  # of the last two nothing but the name is known
    found = learned.pairs(sentence([*OTHERS[:20], *(NAMES[column] for column in named), *OTHERS[20:40]]))
    assert set(named) <= set(found.columns.tolist())
    stands = {c: bool(v) for c, v in zip(found.columns.tolist(), found.views[:, V["phrase"]], strict=True)}
    assert {column for column, stood in stands.items() if stood} == set(named)


def test_concepts_of_examples_that_are_like_a_chunk_are_candidates(learned: Learned) -> None:
    texts = [sentence([word for word in own if word in OTHERS]) for own in learned.texts[:40]]  # no name is left
    found = learned.pairs(*texts)
    truth = learned.labels.toarray()[found.rows, found.columns]
    assert truth.sum() > 0.95 * learned.labels[:40].nnz
    alike = found.views[:, V["alike"]]
    assert alike[truth].mean() > 2 * alike[~truth].mean()
    assert ((alike >= 0) & (alike <= 1.0001)).all()


@settings(deadline=None, max_examples=40)
@given(texts=chunks)
def test_candidates_are_concepts_none_twice_and_not_too_many(learned: Learned, texts: list[str]) -> None:
    found = learned.pairs(*texts)
    assert len(found.starts) == len(texts) + 1
    assert (found.starts[0], found.starts[-1]) == (0, len(found.columns))
    assert ((found.columns >= 0) & (found.columns < CONCEPTS)).all()
    assert found.views.shape == (len(found.columns), len(VIEWS))
    assert np.isfinite(found.views).all()
    for begin, end in zip(found.starts, found.starts[1:], strict=False):
        own = found.columns[begin:end].tolist()
        assert len(set(own)) == len(own) <= LIMIT


def test_chunk_of_more_names_than_there_is_room_for_has_the_most_candidates(learned: Learned) -> None:
    found = learned.pairs(sentence(NAMES[:CONCEPTS]), sentence(OTHERS))
    assert found.starts[1] <= LIMIT
    assert found.starts[1] >= ALIKE + AKIN
    assert found.starts[2] - found.starts[1] == learned.pairs(sentence(OTHERS)).starts[1]


@pytest.mark.parametrize("text", ["", " ", " ...", "🧲"])
def test_chunk_without_words_has_no_candidate_and_spoils_no_other(learned: Learned, text: str) -> None:
    full = sentence(NAMES[:9])
    found = learned.pairs(text, full, text)
    assert np.diff(found.starts).tolist() == [0, len(learned.pairs(full).columns), 0]
    assert found.rows.tolist() == [1] * len(found.columns)


def test_no_chunk_has_no_candidate(learned: Learned) -> None:
    found = learned.pairs()
    assert found.starts.tolist() == [0]
    assert found.views.shape == (0, len(VIEWS))


def said_of(learned: Learned, *concepts: int) -> np.ndarray:
    """As if a sentence model said of each of some chunks and its opening what is said of a concept."""
    vectors = learned.tables.meaning
    rows = vectors.values[list(concepts)] * vectors.scales[list(concepts), None]
    return np.repeat((rows / np.linalg.norm(rows, axis=1, keepdims=True))[:, None], 2, axis=1).astype(np.float32)


def test_what_is_nearest_to_what_a_model_says_is_a_candidate_whatever_the_words(learned: Learned) -> None:
    text = sentence(OTHERS[:20])
    heard = learned.pairs(text, text, read=said_of(learned, CONCEPTS - 1, 3))
    for row, concept in enumerate((CONCEPTS - 1, 3)):
        own = heard.columns[heard.starts[row] : heard.starts[row + 1]]
        near = learned.tables.meaning.values @ said_of(learned, concept)[0, 0] * learned.tables.meaning.scales
        assert set(np.argsort(-near)[: READ // 2]) <= set(own.tolist())
        assert len(set(own.tolist())) == len(own) <= LIMIT + READ
        alone = learned.pairs(text, read=said_of(learned, concept))
        assert alone.columns.tolist() == own.tolist()


def test_chunk_without_words_has_no_candidate_whatever_a_model_says_of_it(learned: Learned) -> None:
    assert learned.pairs("...", read=said_of(learned, 3)).starts.tolist() == [0, 0]


# Views


@settings(deadline=None, max_examples=40)
@given(texts=chunks)
def test_any_chunk_has_the_rows_it_has_alone(learned: Learned, texts: list[str]) -> None:
    together = learned.pairs(*texts)
    for row, text in enumerate(texts):
        alone, own = learned.pairs(text), slice(*together.starts[row : row + 2])
        assert together.columns[own].tolist() == alone.columns.tolist()
        assert together.views[own].tobytes() == alone.views.tobytes()


def test_pairs_joined_are_those_of_all_chunks_together(learned: Learned) -> None:
    texts = [sentence(NAMES[start : start + 12]) for start in (0, 40, 200)] + [""]
    joined, together = Pairs.joined([learned.pairs(texts[0]), learned.pairs(*texts[1:])]), learned.pairs(*texts)
    assert joined.starts.tolist() == together.starts.tolist()
    assert joined.columns.tolist() == together.columns.tolist()
    assert joined.views.tobytes() == together.views.tobytes()
    assert joined.rows.tolist() == together.rows.tolist()


def test_views_say_which_concepts_have_examples_and_machines(learned: Learned) -> None:
    found = learned.pairs(sentence(NAMES[:3] + NAMES[-3:] + OTHERS[:20]))
    positives = learned.labels.toarray().sum(axis=0)[found.columns]
    assert found.views[:, V["no_example"]].tolist() == (positives == 0).tolist()
    assert found.views[:, V["examples"]] == pytest.approx(np.log(1 + positives), abs=1e-5)
    assert 0 < found.views[:, V["has_machine"]].sum() < len(positives)
    assert (found.views[positives == 0, V["has_machine"]] == 0).all()


def test_machines_margin_is_that_of_all_features_with_its_bias(learned: Learned) -> None:
    words, weighed = learned.read(sentence(NAMES[:5] + OTHERS[:25]))
    expected = (weighed @ unpacked(learned.tables.machines))[0] + learned.tables.bias
    found = pairs_of(words, weighed, learned.tables)
    own = found.views[:, V["has_machine"]] == 1
    machines = learned.tables.machine_of[found.columns[own]]
    assert found.views[own, V["machine"]] == pytest.approx(expected[machines], abs=1e-5)


def test_name_that_stands_early_and_often_is_told_from_one_that_stands_late(learned: Learned) -> None:
    early, late = NAMES[0], NAMES[1]
    found = learned.pairs(sentence([early, *OTHERS[:60], early, late]))
    [first], [second] = (found.views[found.columns == column] for column in (0, 1))
    assert first[V["early"]] > second[V["early"]] > 0
    assert first[V["times"]] > second[V["times"]] > 0
    assert first[V["stood"]] == pytest.approx(np.log(1 + learned.labels.toarray()[:, 0].sum()), abs=1e-5)


# Meaning


def test_cosines_of_a_concepts_own_words_are_among_its_highest(learned: Learned) -> None:
    found = cosines(*learned.read(*(f" {name} {name}" for name in NAMES[:20]), ""), learned.tables)
    assert found.shape == (21, CONCEPTS)
    ranks = (found[:20] > found[np.arange(20), np.arange(20)][:, None]).sum(axis=1)
    assert np.median(ranks) < 3
    assert ranks.max() < CONCEPTS / 8  # the names here are random words, so that kin adds noise
    assert np.isfinite(found).all()
    assert (np.abs(found) <= 1.02).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.integers(1, 9))
def test_quantised_vectors_are_off_by_half_a_step_at_most(seed: int, size: float, width: int) -> None:
    vectors = (np.random.default_rng(seed).standard_normal((6, width)) * size).astype(np.float32)
    vectors[2] = 0
    found = quantised(vectors)
    assert (found.values.dtype, found.scales.dtype) == (np.dtype(np.int8), np.dtype(np.float32))
    error = np.abs(found.values * found.scales[:, None].astype(np.float64) - vectors)
    assert (error <= found.scales[:, None] * 0.5001).all()
    assert np.abs(found.values).max(axis=1).tolist() == [127, 127, 0, 127, 127, 127]


def test_pairs_may_be_left_out_and_chunks_stay() -> None:
    pairs = Pairs(np.array([0, 2, 2, 5]), np.array([7, 8, 7, 9, 8], np.int32), np.arange(5, dtype=np.float32)[:, None])
    kept = pairs.where(pairs.columns != 8)
    assert kept.starts.tolist() == [0, 1, 1, 3]
    assert kept.columns.tolist() == [7, 7, 9]
    assert kept.views[:, 0].tolist() == [0, 2, 3]
