"""Annif's ensemble of its Bonsai and its lexical matcher MLLM, which reads the labels' names.

Bonsai as the National Library of Finland has it for YSO; MLLM on a few hundred documents, as its authors advise; equal
weights. NLTK's sentence model is not in the package: where it is missing, Punkt without language data splits sentences,
which MLLM needs only to keep matches within one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LEXICAL_ON = 1000  # documents
PROJECTS = """
[bonsai]
name=Bonsai
language=en
backend=omikuji
analyzer=snowball(english)
vocab=labels
cluster_balanced=False
cluster_k=100
max_depth=3
ngram=2
min_df=2
limit=100
access=public

[mllm]
name=MLLM
language=en
backend=mllm
analyzer=snowball(english)
vocab=labels
limit=100
access=public

[ensemble]
name=Ensemble
language=en
backend=ensemble
sources=bonsai,mllm
vocab=labels
limit=20
access=public
"""


@dataclass(frozen=True)
class Annif:
    project: Any
    numbers: np.ndarray  # our label number of each of Annif's
    folder: Path

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        from annif.corpus import Document

        ids = np.full((len(texts), k), -1, dtype=np.int64)
        scores = np.full((len(texts), k), -np.inf, dtype=np.float32)
        for row, result in enumerate(self.project.suggest([Document(text) for text in texts])):
            for place, found in enumerate(list(result)[:k]):
                ids[row, place], scores[row, place] = self.numbers[found.subject_id], found.score
        return ids, scores

    def save(self, folder: Path) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file() and "train" not in path.name:
                path.rename(folder / "-".join(path.relative_to(self.folder).parts))


def train(texts: Sequence[str], labels: Sequence[Sequence[int]], names: Sequence[str], work: Path) -> Annif:
    import annif
    from annif.corpus import Document, DocumentList, SubjectSet
    from annif.registry import AnnifRegistry
    from annif.vocab import VocabFileTSV

    _without_sentence_data()
    (work / "projects.cfg").write_text(PROJECTS, encoding="utf-8")
    lines = (f"<http://label/{number}>\t{' '.join(name.split())}" for number, name in enumerate(names))
    (work / "labels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = work / "data"
    app = annif.create_flask_app("annif.default_config.Config")
    app.app_context().push()
    registry = AnnifRegistry(str(work / "projects.cfg"), str(data), init_projects=False)
    app.annif_registry = registry
    vocabulary = registry.get_vocab("labels")
    vocabulary.load_vocabulary(VocabFileTSV(str(work / "labels.tsv"), "en"))
    subjects = vocabulary.subjects
    known = {number: subjects.by_uri(f"http://label/{number}") for number in range(len(names))}

    documents = [
        Document(text, SubjectSet([known[label] for label in own])) for text, own in zip(texts, labels, strict=True)
    ]
    registry.get_project("bonsai").train(DocumentList(documents), jobs=1)
    registry.get_project("mllm").train(DocumentList(documents[:LEXICAL_ON]), jobs=1)
    numbers = np.full(len(subjects), -1)
    numbers[list(known.values())] = list(known)
    project = registry.get_project("ensemble")
    project.initialize()
    return Annif(project, numbers, data)


def _without_sentence_data() -> None:
    import nltk
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError:
        splitter = PunktSentenceTokenizer()
        nltk.download = lambda *_, **__: False
        nltk.tokenize.sent_tokenize = lambda text, language="english": splitter.tokenize(text)
