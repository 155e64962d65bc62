"""The systems that ``annotator.py`` compares: where each one's ``train`` stands, and what it needs.

A new one is a function ``train(texts, labels, names, work) -> predictor`` and a line here. ``texts`` are the training
documents, ``labels`` the numbers of each one's labels, ``names`` all labels in words by number, ``work`` an empty
folder for files on the way; ``annotator_child.Predictor`` says what it returns.
"""

from dataclasses import dataclass

PEERS = "pip install 'numpy<2' 'scipy<1.14' scikit-learn 'setuptools<81' libpecos omikuji napkinxc fasttext"
ANNIF = "pip install 'annif[omikuji]'"


@dataclass(frozen=True, slots=True)
class System:
    """``probabilities``: scores mean to be chances, so their calibration is reported. ``needs``: packages to import."""

    module: str
    function: str
    probabilities: bool = False
    environment: str = "own"  # or "peers", "annif": each has an interpreter of its own, as their requirements clash
    needs: tuple[str, ...] = ()
    install: str = ""


def _peer(function: str, package: str, probabilities: bool = False) -> System:
    return System("annotator_peers", function, probabilities, "peers", (package,), PEERS)


SYSTEMS = {
    "atlas-fast": System("annotator_atlas", "train_fast", probabilities=True),
    "atlas-encoder": System("annotator_atlas", "train_encoder", probabilities=True),
    "libpecos-ovr": _peer("libpecos_ovr", "pecos", probabilities=True),
    "libpecos-xrlinear": _peer("libpecos_xrlinear", "pecos", probabilities=True),
    "omikuji-parabel": _peer("omikuji_parabel", "omikuji", probabilities=True),
    "omikuji-bonsai": _peer("omikuji_bonsai", "omikuji", probabilities=True),
    "napkinxc-plt": _peer("napkinxc_plt", "napkinxc", probabilities=True),
    "fasttext-softmax": System("annotator_fasttext", "softmax", False, "peers", ("fasttext",), PEERS),
    "fasttext-ova": System("annotator_fasttext", "one_vs_all", True, "peers", ("fasttext",), PEERS),
    "annif-ensemble": System("annotator_annif", "train", False, "annif", ("annif", "omikuji"), ANNIF),
    "baseline-knn-tfidf": System("annotator_baselines", "knn"),
    "baseline-knn-tfidf+omikuji-bonsai": _peer("knn_and_bonsai", "omikuji"),
    "baseline-minilm-linear": System("annotator_minilm", "linear", probabilities=True),
    "baseline-name-similarity": System("annotator_minilm", "name_similarity"),
    "baseline-name-tfidf": System("annotator_baselines", "name_tfidf"),
    "baseline-prior": System("annotator_baselines", "prior", probabilities=True),
}
