"""A judge hears what the views can't tell, and leaves alone what the sieve held back."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from atlas.annotator import judge, ranker
from atlas.annotator.arrays import flat
from atlas.annotator.company import PASSED, lifts
from atlas.annotator.compile import untrained
from atlas.annotator.data import label_matrix
from atlas.annotator.judge import Judges
from atlas.annotator.postings import Postings, postings
from atlas.annotator.views import Pairs, Tables, Vectors, quantised

CHUNKS = 1500


class Told(NamedTuple):
    """Pairs, what their concepts say of one another, and which of them hold."""

    pairs: Pairs
    tables: Tables
    truth: np.ndarray


def saying(labels: sparse.csr_matrix) -> Tables:
    """Tables of which judges see what was learned of labels, and no meanings."""
    company, silent = postings(lifts(labels), signed=True), np.zeros((labels.shape[1], 4), np.float32)
    return untrained().weights.tables._replace(company=company, meaning=quantised(silent))


def part(pairs: Pairs, tables: Tables) -> tuple[Pairs, Postings, Vectors]:
    return pairs, tables.company, tables.meaning


@pytest.fixture(scope="module")
def told() -> Told:
    """Three candidates a chunk. A view tells of the first two, one of which holds; the third comes with the first."""
    rng = np.random.default_rng(0)
    first = rng.random(CHUNKS) < 0.5
    truth = np.column_stack([first, ~first, first & (rng.random(CHUNKS) < 0.9)])
    views = rng.standard_normal((CHUNKS, 3, 2)).astype(np.float32)
    views[:, :2, 0] += 4 * truth[:, :2]
    views[:, 2, 1] += 9  # which candidate is the third can be seen, not whether it holds
    columns = np.tile(np.arange(3, dtype=np.int32), CHUNKS)
    labels = label_matrix([set(np.flatnonzero(own).tolist()) for own in truth], 3)
    return Told(Pairs(np.arange(0, 3 * CHUNKS + 1, 3), columns, views.reshape(-1, 2)), saying(labels), truth.ravel())


@pytest.fixture(scope="module")
def learned(told: Told) -> tuple[Judges, np.ndarray]:
    return judge.fitted([part(told.pairs, told.tables)], told.truth, 0)


def test_a_concept_that_no_view_tells_of_is_told_by_its_company(told: Told, learned: tuple[Judges, np.ndarray]) -> None:
    third = told.pairs.columns == 2
    sieved = ranker.logits(learned[0].sieve, told.pairs.views)
    assert roc_auc_score(told.truth[third], sieved[third]) < 0.6
    assert roc_auc_score(told.truth[third], learned[1][third]) > 0.9


def test_logits_to_calibrate_by_are_of_judges_that_did_not_see_the_chunk(
    told: Told, learned: tuple[Judges, np.ndarray]
) -> None:
    changed = told.truth.copy()
    changed[:3] = ~changed[:3]
    again = judge.fitted([part(told.pairs, told.tables)], changed, 0)[1]
    first = np.arange(3 * CHUNKS) < 3
    assert roc_auc_score(told.truth[~first], again[~first]) > 0.9
    assert again[first] == pytest.approx(learned[1][first], abs=0.5)  # only the sieve saw it


def test_of_a_single_chunk_the_judge_itself_gives_the_logits(told: Told) -> None:
    one = Pairs(told.pairs.starts[:2], told.pairs.columns[:3], told.pairs.views[:3])
    judges, found = judge.fitted([part(one, told.tables)], told.truth[:3], 0)
    assert found.tobytes() == judge.logits(judges, told.tables, one).tobytes()


def test_each_part_is_told_by_its_own_company(told: Told) -> None:
    starts, columns, views = told.pairs
    half = CHUNKS // 2
    first = Pairs(starts[: half + 1], columns[: 3 * half], views[: 3 * half])
    second = Pairs(starts[half:] - 3 * half, columns[3 * half :], views[3 * half :])
    silent = saying(label_matrix([set()], 3))
    _, found = judge.fitted([part(first, told.tables), part(second, silent)], told.truth, 0)
    third = np.flatnonzero(columns == 2)
    heard, unheard = third[:half], third[half:]
    assert roc_auc_score(told.truth[heard], found[heard]) > 0.9
    assert roc_auc_score(told.truth[unheard], found[unheard]) < 0.6


def test_what_does_not_pass_keeps_the_logit_of_the_sieve() -> None:
    count = 2 * PASSED
    views = np.random.default_rng(0).standard_normal((20 * count, 2)).astype(np.float32)
    pairs = Pairs(np.arange(0, 20 * count + 1, count), np.tile(np.arange(count, dtype=np.int32), 20), views)
    judges, found = judge.fitted([part(pairs, saying(label_matrix([set()], count)))], views[:, 0] > 1, 0)
    sieved = ranker.logits(judges.sieve, views)
    held = np.argsort(-sieved.reshape(20, count), axis=1)[:, PASSED:] + count * np.arange(20)[:, None]
    assert found[held].tobytes() == sieved[held].tobytes()
    assert (found != sieved).sum() == 20 * PASSED


def test_same_seed_gives_the_same_bytes(told: Told, learned: tuple[Judges, np.ndarray]) -> None:
    again = flat(judge.fitted([part(told.pairs, told.tables)], told.truth, 0)[0])
    for name, array in flat(learned[0]).items():
        assert array.tobytes() == again[name].tobytes(), name


def test_chunks_without_candidates_have_no_logits(told: Told, learned: tuple[Judges, np.ndarray]) -> None:
    none = Pairs(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros((0, 2), np.float32))
    assert judge.logits(learned[0], told.tables, none).shape == (0,)
