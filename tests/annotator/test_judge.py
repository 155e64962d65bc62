"""A judge hears what the views can't tell, and leaves alone what the sieve held back."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from atlas.annotator import judge
from atlas.annotator.arrays import flat
from atlas.annotator.company import PASSED, lifts
from atlas.annotator.data import label_matrix
from atlas.annotator.judge import Judges
from atlas.annotator.postings import Postings, postings
from atlas.annotator.views import Pairs

CHUNKS = 1500


@pytest.fixture(scope="module")
def told() -> tuple[Pairs, Postings, np.ndarray]:
    """Three candidates a chunk. A view tells of the first two, one of which holds; the third comes with the first."""
    rng = np.random.default_rng(0)
    first = rng.random(CHUNKS) < 0.5
    truth = np.column_stack([first, ~first, first & (rng.random(CHUNKS) < 0.9)])
    views = rng.standard_normal((CHUNKS, 3, 2)).astype(np.float32)
    views[:, :2, 0] += 4 * truth[:, :2]
    views[:, 2, 1] += 9  # which candidate is the third can be seen, not whether it holds
    pairs = Pairs(np.arange(0, 3 * CHUNKS + 1, 3), np.tile(np.arange(3, dtype=np.int32), CHUNKS), views.reshape(-1, 2))
    labels = label_matrix([set(np.flatnonzero(own).tolist()) for own in truth], 3)
    return pairs, postings(lifts(labels), signed=True), truth.ravel()


@pytest.fixture(scope="module")
def learned(told: tuple[Pairs, Postings, np.ndarray]) -> tuple[Judges, np.ndarray]:
    pairs, company, truth = told
    return judge.fitted([(pairs, company)], truth, 0)


def test_a_concept_that_no_view_tells_of_is_told_by_its_company(
    told: tuple[Pairs, Postings, np.ndarray], learned: tuple[Judges, np.ndarray]
) -> None:
    pairs, _, truth = told
    judges, found = learned
    third = pairs.columns == 2
    sieved = judge.ranker.logits(judges.sieve, pairs.views)
    assert roc_auc_score(truth[third], sieved[third]) < 0.6
    assert roc_auc_score(truth[third], found[third]) > 0.9


def test_logits_are_those_of_fitting(
    told: tuple[Pairs, Postings, np.ndarray], learned: tuple[Judges, np.ndarray]
) -> None:
    assert judge.logits(learned[0], told[1], told[0]).tobytes() == learned[1].tobytes()


def test_parts_are_judged_by_their_own_company(told: tuple[Pairs, Postings, np.ndarray]) -> None:
    pairs, company, truth = told
    half = CHUNKS // 2
    silent = postings(lifts(label_matrix([set()], 3)), signed=True)
    mine, others = slice(0, 3 * half), slice(3 * half, None)
    parts = [
        (Pairs(pairs.starts[: half + 1], pairs.columns[mine], pairs.views[mine]), company),
        (Pairs(pairs.starts[half:] - 3 * half, pairs.columns[others], pairs.views[others]), silent),
    ]
    _, found = judge.fitted(parts, truth, 0)
    third = (pairs.columns == 2) & (np.arange(3 * CHUNKS) < 3 * half)
    assert roc_auc_score(truth[third], found[third]) > 0.9


def test_what_does_not_pass_keeps_the_logit_of_the_sieve() -> None:
    rng = np.random.default_rng(0)
    count = 2 * PASSED
    views = rng.standard_normal((20 * count, 2)).astype(np.float32)
    truth = views[:, 0] > 1
    pairs = Pairs(np.arange(0, 20 * count + 1, count), np.tile(np.arange(count, dtype=np.int32), 20), views)
    nothing = postings(lifts(label_matrix([set()], count)), signed=True)
    judges, found = judge.fitted([(pairs, nothing)], truth, 0)
    sieved = judge.ranker.logits(judges.sieve, views)
    held = np.argsort(-sieved.reshape(20, count), axis=1)[:, PASSED:] + count * np.arange(20)[:, None]
    assert found[held].tobytes() == sieved[held].tobytes()
    assert (found != sieved).sum() == 20 * PASSED


def test_same_seed_gives_the_same_bytes(
    told: tuple[Pairs, Postings, np.ndarray], learned: tuple[Judges, np.ndarray]
) -> None:
    pairs, company, truth = told
    again = flat(judge.fitted([(pairs, company)], truth, 0)[0])
    for name, array in flat(learned[0]).items():
        assert array.tobytes() == again[name].tobytes(), name


def test_chunks_without_candidates_have_no_logits(
    told: tuple[Pairs, Postings, np.ndarray], learned: tuple[Judges, np.ndarray]
) -> None:
    none = Pairs(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros((0, 2), np.float32))
    assert judge.logits(learned[0], told[1], none).shape == (0,)
