"""What concepts say of one another: lifts by the book, and the same sums however kept."""

import numpy as np
import pytest
from scipy import sparse

from atlas.annotator import company
from atlas.annotator.company import PASSED, SPEAKERS, TOLD, lifts
from atlas.annotator.data import label_matrix
from atlas.annotator.postings import Postings, postings
from atlas.annotator.views import Vectors, quantised

Heard = tuple[np.ndarray, np.ndarray]


def chunks(**counts: int) -> sparse.csr_matrix:
    """Labels of so many chunks each: ``chunks(ab=3)`` has three chunks with the concepts 0 and 1, of four."""
    rows = [{"abcd".index(letter) for letter in letters.strip("_")} for letters, n in counts.items() for _ in range(n)]
    return label_matrix(rows, 4)


def test_lift_is_the_log_of_seen_over_expected() -> None:
    found = lifts(chunks(ab=4, a=4, b=2, c=6, _=0)).toarray()
    assert found[0, 1] == pytest.approx(np.log((4 + 0.5) / (8 * 6 / 16 + 0.5)))
    assert (found == found.T).all()


def test_two_that_should_meet_and_never_do_speak_against_each_other() -> None:
    found = lifts(chunks(a=10, b=10)).toarray()
    assert found[0, 1] == pytest.approx(np.log(0.5 / (10 * 10 / 20 + 0.5)))


def test_two_that_hardly_could_have_met_and_a_concept_itself_say_nothing() -> None:
    found = lifts(chunks(a=1, b=1, c=30, d=30)).toarray()
    assert found[0, 1] == 0
    assert not found.diagonal().any()


def test_of_each_concept_the_most_surprising_lifts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "FEWEST", 1)
    monkeypatch.setattr(company, "MOST", 1)
    found = lifts(chunks(ab=20, ac=2, c=18, d=20)).toarray()
    assert np.count_nonzero(found, axis=1).tolist() == [1, 1, 1, 1]
    assert found[0, 1] > 0


def test_labels_of_nothing_have_no_lifts() -> None:
    assert lifts(label_matrix([set(), set()], 4)).nnz == 0
    assert lifts(label_matrix([{0}, {0}], 1)).nnz == 0


def speaking(concepts: int, told: dict[tuple[int, int], float]) -> Postings:
    rows, columns = zip(*told, strict=True)
    matrix = sparse.csr_matrix((np.array([*told.values()], np.float32), (rows, columns)), shape=(concepts, concepts))
    return postings(matrix, signed=True)


def heard(starts: np.ndarray, columns: np.ndarray, logits: np.ndarray, lifts: Postings, meaning: Vectors) -> Heard:
    """Rows that pass and what is told of them, with a view that says which pair it is of."""
    views = np.arange(len(columns), dtype=np.float32)[:, None]
    rows, told = company.heard(starts, columns, views, logits, lifts, meaning)
    assert told[:, 0].tolist() == rows.tolist()
    return rows, told[:, 1:]


def meaningless(concepts: int) -> Vectors:
    return quantised(np.zeros((concepts, 4), np.float32))


@pytest.mark.parametrize("concepts", [8, 2000], ids=["kept whole", "as lists"])
def test_the_likely_speak_by_their_chances(concepts: int) -> None:
    told = {(0, 2): 2.0, (1, 2): -1.0, (0, 1): 1.0}
    starts, columns = np.array([0, 3, 3, 5]), np.array([2, 1, 0, 2, 1], np.int32)
    logits = np.array([-3, 0, 4, 1, -50], np.float32)
    rows, found = heard(starts, columns, logits, speaking(concepts, told), meaningless(concepts))
    assert rows.tolist() == [2, 1, 0, 3, 4]
    assert found[:, 0].tolist() == logits[rows].tolist()
    chance = 1 / (1 + np.exp(-4.0))
    assert found[:, 1] == pytest.approx([0, chance, 2 * chance - 0.5, 0, 0], abs=1e-2)


def test_the_best_pass_and_of_equals_the_first() -> None:
    logits = np.zeros(3 * PASSED, np.float32)
    logits[-1] = 1
    columns = np.arange(len(logits), dtype=np.int32)
    rows, _ = heard(
        np.array([0, len(logits)]), columns, logits, speaking(len(logits), {(0, 1): 1.0}), meaningless(len(logits))
    )
    assert rows.tolist() == [len(logits) - 1, *range(PASSED - 1)]


def test_only_the_likeliest_speak() -> None:
    count = SPEAKERS + 2
    everyone = {(speaker, count): 1.0 for speaker in range(count)}
    logits = np.append(np.full(count, 9, np.float32), np.float32(-9))
    columns = np.arange(count + 1, dtype=np.int32)
    rows, found = heard(
        np.array([0, count + 1]), columns, logits, speaking(count + 1, everyone), meaningless(count + 1)
    )
    assert found[rows == count, 1] == pytest.approx(SPEAKERS, rel=1e-2)


def test_the_likely_tell_what_is_near_them_in_meaning() -> None:
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [-1, 0, 0]], np.float32)
    logits = np.array([4, 0, -2, -3], np.float32)
    nothing = speaking(4, {(0, 1): 0.0})
    _, found = heard(np.array([0, 4]), np.arange(4, dtype=np.int32), logits, nothing, quantised(vectors))
    first, second, _, fourth = 1 / (1 + np.exp(-logits))
    of_third = {"near": (0.6 * first + 0.8 * second - 0.6 * fourth) / (first + second + fourth), "nearest": 0.8}
    of_third |= {"second": 0.8, "supported": 0.36 * first + 0.64 * second}
    assert found[2, 2:] == pytest.approx([of_third[name] for name in TOLD[2:]], abs=2e-2)
    assert found[0, TOLD.index("nearest")] == pytest.approx(0.6, abs=1e-2)
    assert found[0, TOLD.index("second")] == 0  # none is likelier
    assert found[3, TOLD.index("second")] == 0  # none likelier is near it


def test_a_single_candidate_hears_nothing() -> None:
    column, logit = np.zeros(1, np.int32), np.ones(1, np.float32)
    rows, found = heard(np.array([0, 1]), column, logit, speaking(1, {(0, 0): 0.0}), meaningless(1))
    assert rows.tolist() == [0]
    assert found.tolist() == [[1, 0, 0, -1, 0, 0]]


def test_a_chunk_hears_the_same_alone_as_beside_others() -> None:
    rng = np.random.default_rng(0)
    told = {(int(a), int(b)): float(rng.normal()) for a, b in rng.integers(0, 90, (400, 2))}
    own, meaning = speaking(90, told), quantised(rng.normal(size=(90, 16)).astype(np.float32))
    columns = np.concatenate([rng.permutation(90)[:50] for _ in range(5)]).astype(np.int32)
    logits = rng.normal(size=250).astype(np.float32)
    together = heard(np.arange(0, 251, 50), columns, logits, own, meaning)
    for chunk in range(5):
        mine = slice(50 * chunk, 50 * chunk + 50)
        alone = heard(np.array([0, 50]), columns[mine], logits[mine], own, meaning)
        passed = slice(PASSED * chunk, PASSED * chunk + PASSED)
        assert (together[0][passed] - 50 * chunk).tolist() == alone[0].tolist()
        assert together[1][passed].tobytes() == alone[1].tobytes()
