"""Whether two names mean the same: what is compared, and what comes of it."""

import numpy as np
import pytest

from atlas.canonical.lexicon import known_pairs
from atlas.canonical.neighbours import acronyms, near_in_letters, near_in_meaning, nearest_one, pairs
from atlas.canonical.pairs import FEATURES, features
from atlas.canonical.same import probabilities, shipped
from atlas.canonical.strings import Strings, letter_grams, stem, taken_apart
from atlas.models.encoder import encoder

NAMES = (
    "drop shadow", "dropshadow", "Kubernetes", "k8s", "machine learning", "ML", "left lung", "right lung",
    "Python 2", "Python 3", "colour theory", "color theory", "tax law", "photosynthesis",
)  # fmt: skip


@pytest.fixture(scope="module")
def strings() -> Strings:
    return taken_apart(NAMES, encoder("all-minilm-l6-v2").encode(NAMES))


def feature(strings: Strings, one: str, other: str, name: str) -> float:
    rows = np.array([[NAMES.index(one), NAMES.index(other)]])
    return float(features(strings, rows)[0, FEATURES.index(name)])  # type: ignore[arg-type]


def test_names_are_taken_apart_into_words_stems_and_letters(strings: Strings) -> None:
    row = NAMES.index("Python 3")
    assert (strings.forms[row], strings.words[row], strings.joined[row]) == ("python 3", ["python", "3"], "python3")
    assert strings.initials[NAMES.index("machine learning")] == "ml"
    assert strings.forms[NAMES.index("colour theory")] == strings.forms[NAMES.index("color theory")]


def test_stems_join_words_of_one_root() -> None:
    assert stem("connections") == stem("connected") == "connect"


@pytest.mark.parametrize(
    ("one", "other", "name", "value"),
    [
        ("drop shadow", "dropshadow", "joined", 1),
        ("machine learning", "ML", "initials", 1),
        ("Kubernetes", "k8s", "initials", 0),
        ("Python 2", "Python 3", "other_number", 1),
        ("Python 2", "tax law", "one_number", 1),
        ("left lung", "right lung", "head", 1),
        ("left lung", "right lung", "unshared", 1),
    ],
)
def test_features_tell_what_names_share(strings: Strings, one: str, other: str, name: str, value: float) -> None:
    assert feature(strings, one, other, name) == value
    assert feature(strings, other, one, name) == value


def test_features_do_not_depend_on_which_name_is_first(strings: Strings) -> None:
    rows = np.array([(a, b) for a in range(len(NAMES)) for b in range(a)])
    assert features(strings, rows) == pytest.approx(features(strings, rows[:, ::-1]), abs=1e-5)


def test_synonyms_are_likelier_to_be_one_than_neighbours(strings: Strings) -> None:
    def likely(one: str, other: str) -> float:
        row = np.array([[NAMES.index(one), NAMES.index(other)]])
        return float(probabilities(strings, row, known_pairs(strings))[0])

    assert likely("drop shadow", "dropshadow") > 0.8
    assert likely("machine learning", "ML") > likely("left lung", "right lung")
    assert likely("tax law", "photosynthesis") == 0


def test_shipped_networks_know_the_features() -> None:
    assert shipped()["same"].mean.shape == (len(FEATURES),)
    assert shipped()["link"].log_odds(np.zeros((3, len(shipped()["link"].mean)), np.float32)).shape == (3,)


def test_pairs_are_near_in_meaning_or_letters_or_acronyms(strings: Strings) -> None:
    rows = pairs(strings, 2, known_pairs(strings))
    found = {(NAMES[a], NAMES[b]) for a, b in rows}
    assert {("drop shadow", "dropshadow"), ("machine learning", "ML"), ("left lung", "right lung")} <= found
    assert (rows[:, 0] < rows[:, 1]).all()
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_acronyms_are_found_by_initials() -> None:
    words = [["ml"], ["machine", "learning"], ["maximum", "likelihood"], ["law"]]
    assert acronyms(["ml", "machinelearning", "maximumlikelihood", "law"], ["m", "ml", "ml", "l"], words) == [
        (0, 1),
        (0, 2),
    ]


def test_nearest_in_letters_shares_most_and_gaps_are_marked() -> None:
    grams = letter_grams(["javascript", "java script", "zebra"])
    found = near_in_letters(grams[:1], grams, 3)
    assert found[0, 0] == 0
    assert found[0].tolist() == [0, 1, -1]


def test_nothing_known_has_no_nearest() -> None:
    assert near_in_meaning(np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32), 5).shape == (2, 0)


def test_large_sets_of_vectors_are_searched_by_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas.canonical.neighbours.EXACT_MOST", 1000)
    vectors = np.random.default_rng(0).standard_normal((5000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = near_in_meaning(vectors[:50], vectors, 3)
    assert (found[:, 0] == np.arange(50)).mean() > 0.9


def test_nearest_one_tells_row_and_cosine() -> None:
    rows, cosines = nearest_one(np.array([[0, 0.6, 0.8]], np.float32), np.eye(3, dtype=np.float32))
    assert rows.tolist() == [2]
    assert cosines.tolist() == pytest.approx([0.8])
    assert nearest_one(np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32))[0].tolist() == [-1, -1]
