"""Names taken apart once, for whatever compares them in pairs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from scipy import sparse

from atlas.library.names import normal_form

GRAMS = (2, 4)  # lengths of the letter sequences by which spellings are compared
_BETWEEN = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")  # "python3" is "python 3"
_WORD = re.compile(r"[^\W_]+(?:\+\+|#)?|[+#]+")


@dataclass(frozen=True, slots=True, eq=False)
class Strings:
    """Names in parallel lists.

    ``vectors`` is float32 [names, d], L2-normalised; ``grams`` the TF-IDF of letter sequences, sparse float32
    [names, grams], rows of length 1; ``holds`` which of the ``vocabulary`` of stems each name has, sparse of ones,
    float32 [names, stems]; ``rarity`` the inverse document frequency of each of these, float32 [stems].
    """

    texts: Sequence[str]
    forms: list[str]
    words: list[list[str]]
    stems: list[list[str]]
    joined: list[str]
    initials: list[str]
    vocabulary: list[str]
    holds: sparse.csr_matrix
    rarity: np.ndarray
    vectors: np.ndarray
    grams: sparse.csr_matrix


def taken_apart(texts: Sequence[str], vectors: np.ndarray) -> Strings:
    """The names' forms, words, stems and letters; ``vectors`` are theirs, one row each."""
    forms = [normal_form(text) or text.casefold() for text in texts]
    words = word_lists(texts)
    stems = [[stem(word) for word in listed] for listed in words]
    vocabulary, holds = _sets(stems)
    return Strings(
        texts=texts,
        forms=forms,
        words=words,
        stems=stems,
        joined=["".join(listed) for listed in words],
        initials=["".join(word[0] for word in listed) for listed in words],
        vocabulary=vocabulary,
        holds=holds,
        rarity=np.log((len(stems) + 1) / holds.sum(axis=0).A1).astype(np.float32),
        vectors=vectors,
        grams=letter_grams(forms),
    )


def word_lists(names: Sequence[str]) -> list[list[str]]:
    """The words of each name, in its normal form."""
    forms = (normal_form(name) or name.casefold() for name in names)
    return [_WORD.findall(_BETWEEN.sub(" ", form)) or [form] for form in forms]


def _sets(stems: Sequence[Sequence[str]]) -> tuple[list[str], sparse.csr_matrix]:
    """The different stems, and ones where a name has them."""
    place: dict[str, int] = {}
    held = [sorted({place.setdefault(word, len(place)) for word in listed}) for listed in stems]
    columns = np.fromiter(chain.from_iterable(held), np.int32)
    ends = np.cumsum([0, *map(len, held)])
    return list(place), sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(stems), len(place)))


def letter_grams(forms: Sequence[str]) -> sparse.csr_matrix:
    """TF-IDF of the letter sequences within words, sparse float32 [forms, grams], rows of length 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(analyzer="char_wb", ngram_range=GRAMS, sublinear_tf=True, dtype=np.float32)
    return weigh.fit_transform(forms)


@lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """The stem of an English word (Porter's second stemmer, "Snowball", 2001)."""
    return _stemmer().stemWord(word)


@lru_cache(maxsize=1)
def _stemmer():  # type: ignore[no-untyped-def]
    import snowballstemmer

    return snowballstemmer.stemmer("english")
