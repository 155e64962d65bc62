"""Names taken apart once, for whatever compares them in pairs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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
    [names, grams], rows of length 1; ``rarity`` the inverse document frequency of each stem among these names.
    """

    texts: Sequence[str]
    forms: list[str]
    words: list[list[str]]
    stems: list[list[str]]
    joined: list[str]
    initials: list[str]
    rarity: dict[str, float]
    vectors: np.ndarray
    grams: sparse.csr_matrix


def taken_apart(texts: Sequence[str], vectors: np.ndarray) -> Strings:
    """The names' forms, words, stems and letters; ``vectors`` are theirs, one row each."""
    forms = [normal_form(text) or text.casefold() for text in texts]
    words = [_WORD.findall(_BETWEEN.sub(" ", form)) or [form] for form in forms]
    stems = [[stem(word) for word in listed] for listed in words]
    return Strings(
        texts=texts,
        forms=forms,
        words=words,
        stems=stems,
        joined=["".join(listed) for listed in words],
        initials=["".join(word[0] for word in listed) for listed in words],
        rarity=_rarity(stems),
        vectors=vectors,
        grams=letter_grams(forms),
    )


def _rarity(stems: Sequence[Sequence[str]]) -> dict[str, float]:
    seen: dict[str, int] = {}
    for listed in stems:
        for word in set(listed):
            seen[word] = seen.get(word, 0) + 1
    return {word: float(np.log((len(stems) + 1) / times)) for word, times in seen.items()}


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
