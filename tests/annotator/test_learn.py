"""What is learned of concepts that have no example themselves."""

import numpy as np
from scipy import sparse

from atlas.annotator import learn
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import label_matrix
from atlas.annotator.distill import Teacher
from atlas.annotator.features import Featurizer, Words, inverse_document_frequency, weigh
from atlas.annotator.views import cosines
from atlas.chunking.tokenizer import tokenizer
from atlas.library.concept import Concept, Library

FEATURIZER = Featurizer("cl100k_base", 1024)
CONFIG = TrainConfig(bigram_buckets=1024, dimensions=16)
TEXTS = [" harbour sailor anchor vessel", " flour oven dough bakery"] * 20


def read(names: list[str], teacher: Teacher) -> tuple[learn.Known, Words, sparse.csr_matrix]:
    """What is known of concepts of these names, and the texts as the annotator reads them."""
    library = Library(tuple(Concept(number, "content", name, "") for number, name in enumerate(names)))
    words = FEATURIZER.fold([tokenizer("cl100k_base").encode(text) for text in TEXTS])
    counts = FEATURIZER.counts(words)
    idf = inverse_document_frequency(counts)
    weighed = weigh(counts, idf)
    return learn.known(library, FEATURIZER, idf, weighed, TEXTS, teacher, CONFIG), words, weighed


def test_examples_of_its_kin_tell_of_a_concept_without_any(random_teacher: Teacher) -> None:
    known, words, weighed = read(["window red", "window blue", "garden red", "garden blue"], random_teacher)
    labels = label_matrix([{0}, {2}] * 20, 4)  # those called blue have no example
    near = cosines(words.take(np.arange(2)), weighed[:2], learn.tables(words, weighed, labels, known, CONFIG))
    assert near[0, 1] > near[0, 3]
    assert near[1, 3] > near[1, 1]


def test_its_own_examples_are_left_out(random_teacher: Teacher) -> None:
    known, words, weighed = read(["window red", "garden blue"], random_teacher)
    none = learn.told_by_kin(known, words, weighed, label_matrix([set()] * 40, 2))
    own = learn.told_by_kin(known, words, weighed, label_matrix([{0}, set()] * 20, 2))
    assert np.allclose(own[0], none[0])
