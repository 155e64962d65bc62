"""Word vectors taught by a sentence model, so that sums of them mean what the model says of whole chunks.

Each folded word is first read alone by the model, as in model2vec (Tulkens & van Dongen, 2024). Then the model reads
some of the training chunks, their openings and the concepts' names, and the vectors are moved as little as need be so
that weighted sums of them come near to what it says (ridge regression towards the first vectors). What is said of
concepts is the sentence model's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.fs as pafs
from scipy import sparse

from atlas.annotator.features import Featurizer, weigh
from atlas.chunking.tokenizer import tokenizer
from atlas.chunking.vocabulary import folded_vocabulary
from atlas.digest import of_json
from atlas.library.concept import Concept
from atlas.models.encoder import encoder, remembering
from atlas.models.fetch import cache_folder
from atlas.models.int8 import quick_encoder
from atlas.storage import atomic_output

Embed = Callable[[Sequence[str]], np.ndarray]
RIDGE = 1.0  # pull towards the vectors of words read alone
STEPS = 30  # of conjugate gradients
OPENING_CHARACTERS = 120
FORMS = 8  # aliases and members of a concept that are read at most


@dataclass(frozen=True, slots=True)
class Teacher:
    """A sentence model: ``words`` are the folded vocabulary read word by word, float [W, D]; ``embed`` reads texts,
    float32 [n, D], rows of length 1."""

    words: np.ndarray
    embed: Embed


@dataclass(frozen=True, slots=True)
class Meanings:
    """Vectors in one space: of words, float32 [W, d], to be summed, and of concepts, float32 [C, d], of length 1."""

    words: np.ndarray
    concepts: np.ndarray
    mean: np.ndarray  # float32 [D]: of what the model says of chunks
    axes: np.ndarray  # float32 [D, d]: from the model's space to this


def teacher(encoder_name: str, tokenizer_name: str, threads: int | None = None) -> Teacher:
    """The sentence model of that name (catalogue, path or hub id), which reads each text once."""
    return Teacher(word_vectors(encoder_name, tokenizer_name), remembering(quick_encoder(encoder_name, threads).encode))


def word_vectors(encoder_name: str, tokenizer_name: str) -> np.ndarray:
    """Vectors of the folded vocabulary read word by word, float16 [W, D]; made once and kept in the cache folder."""
    model = encoder(encoder_name)
    _, words = folded_vocabulary(tokenizer_name)
    path = cache_folder() / "words" / f"{model.digest}-{of_json(words)}.npy"
    if not path.is_file():
        full = model.encode(words).astype(np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
            np.save(stream, full)
    return np.load(path, mmap_mode="r")


def meanings(
    concepts: Sequence[Concept],
    texts: Sequence[str],
    featurizer: Featurizer,
    idf: np.ndarray,
    model: Teacher,
    dimensions: int,
) -> Meanings:
    """Vectors of words and of concepts, learned from what a sentence model says.

    Args:
        texts: chunks that the model reads. dimensions: of the result at most, principal components of what it says.
    """
    openings = [opening_of(text) for text in texts]
    names = [concept.name for concept in concepts]
    wanted = np.concatenate([model.embed(part) for part in (texts, openings, names)])
    said = said_of(concepts, wanted[len(wanted) - len(names) :], model.embed)
    mean = wanted.mean(axis=0)
    axes = principal_axes(wanted - mean, dimensions)
    named = tokenizer(featurizer.tokenizer)
    read = [*texts, *openings, *(" " + name for name in names)]
    counts = featurizer.counts(featurizer.fold([named.encode(text) for text in read]))
    prior = model.words.astype(np.float32)
    prior = (prior - prior.mean(axis=0)) @ axes
    taught = taught_towards(prior, weigh(counts, idf)[:, : len(prior)], (wanted - mean) @ axes)
    own = said - said.mean(axis=0) if len(said) > 1 else said
    return Meanings(taught, unit_rows(own @ axes), wanted[: len(texts)].mean(axis=0), axes)


def opening_of(text: str) -> str:
    """About the words of a chunk that the annotator counts as its opening."""
    return text if len(text) <= OPENING_CHARACTERS else text[:OPENING_CHARACTERS].rsplit(" ", 1)[0]


def read(texts: Sequence[str], embed: Embed, mean: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """What a sentence model says of chunks and of their openings, float32 [chunks, 2, d], rows of length 1."""
    said = embed([*texts, *(opening_of(text) for text in texts)])  # in one call, as a GPU likes it
    vectors = unit_rows((said - mean) @ axes).astype(np.float32)
    return np.stack([vectors[: len(texts)], vectors[len(texts) :]], axis=1)


def said_of(concepts: Sequence[Concept], names: np.ndarray, embed: Embed) -> np.ndarray:
    """What is said of each concept, float32 [C, D]: its name, with half the weight the mean of its other names."""
    others = [[form for form in dict.fromkeys(c.names()) if form != c.name][:FORMS] for c in concepts]
    flat = [form for forms in others for form in forms]
    if not flat:
        return names
    owners = np.repeat(np.arange(len(concepts)), [len(forms) for forms in others])
    counts = np.bincount(owners, minlength=len(concepts))
    shares = sparse.csr_matrix((1 / counts[owners], (owners, np.arange(len(flat)))), shape=(len(concepts), len(flat)))
    return (names + shares @ embed(flat) / 2).astype(np.float32)


def taught_towards(prior: np.ndarray, features: sparse.csr_matrix, wanted: np.ndarray) -> np.ndarray:
    """Vectors near ``prior`` whose sums come near to ``wanted``, by conjugate gradients on all dimensions at once.

    Args:
        prior: float32 [W, d]. features: weights of words in texts, float32 CSR [texts, W]. wanted: float32 [texts, d].
    """
    before = features @ prior
    scale = float((before * wanted).sum() / max(1e-12, (before * before).sum()))
    rest = features.T @ (wanted - wanted.mean(axis=0) - scale * (before - before.mean(axis=0)))
    change, direction = np.zeros_like(rest), rest.copy()
    squares = (rest * rest).sum(axis=0)
    for _ in range(STEPS):
        image = features.T @ (features @ direction) + RIDGE * direction
        step = squares / np.maximum((direction * image).sum(axis=0), 1e-12)
        change += step * direction
        rest -= step * image
        after = (rest * rest).sum(axis=0)
        direction = rest + after / np.maximum(squares, 1e-12) * direction
        squares = after
    return (scale * prior + change).astype(np.float32)


def principal_axes(centred: np.ndarray, dimensions: int) -> np.ndarray:
    """Directions in which centred vectors vary most, float32 [D, dimensions]."""
    _, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, :dimensions]
    # An eigenvector's sign is arbitrary: fix it, so that results repeat.
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    return (directions * signs).astype(np.float32)


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
