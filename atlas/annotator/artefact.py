"""The annotator on disk: config.json, model.safetensors, card.json. No pickle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from atlas.annotator.arrays import flat, nested
from atlas.annotator.distill import Embed, read
from atlas.annotator.features import Featurizer
from atlas.annotator.model import Weights
from atlas.annotator.tensors import mapped, write
from atlas.annotator.views import NOT_READ
from atlas.digest import of_files
from atlas.errors import AtlasError
from atlas.storage import write_text

FORMAT = 4
CONFIG, MODEL, CARD = "config.json", "model.safetensors", "card.json"


@dataclass(frozen=True)
class Annotator:
    """A trained annotator. ``settings`` holds the chunking it was trained on and the library's digest."""

    weights: Weights
    featurizer: Featurizer
    settings: dict[str, Any]
    digest: str
    embed: Embed | None = None  # the sentence model, where the annotator reads with one

    @property
    def system(self) -> str:
        """Its name in tables, beside baselines."""
        return "atlas-fast" if self.embed is None else "atlas-encoder"

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """What the sentence model says of chunks, float32 [chunks, 2, d]; nothing for the fast tier."""
        if self.embed is None:
            return NOT_READ
        return read(texts, self.embed, self.weights.tables.mean, self.weights.tables.axes)

    @property
    def library_digest(self) -> str:
        return self.settings["library_digest"]


def save(
    folder: Path, weights: Weights, featurizer: Featurizer, settings: dict[str, Any], card: dict[str, Any]
) -> None:
    """Write an annotator. The config comes last: a folder without it is no annotator."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)
    write(folder / MODEL, flat(weights))
    write_text(folder / CARD, json.dumps(card, indent=2, sort_keys=True) + "\n")
    described = {
        "format": FORMAT,
        "tier": settings.get("train", {}).get("tier", "fast"),
        "featurizer": {"tokenizer": featurizer.tokenizer, "buckets": featurizer.buckets},
        **settings,
    }
    write_text(folder / CONFIG, json.dumps(described, indent=2, sort_keys=True) + "\n")


def read_settings(folder: Path) -> dict[str, Any]:
    """The config of an annotator folder.

    Raises:
        AtlasError: the folder holds no annotator, or one of another format.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise AtlasError(f"{folder}: holds no annotator ({CONFIG} is missing); train one with `atlas train`")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AtlasError(f"{path}: is damaged ({error}); train the annotator again") from error
    written = settings.get("format") if isinstance(settings, dict) else None
    if written != FORMAT:
        raise AtlasError(
            f"{path}: format {written!r} is not readable by this version (wants {FORMAT}); train the annotator again"
        )
    return settings


def refuse_other_library(folder: Path, library_digest: str, library: Path) -> None:
    """Raise where a library, by its digest, is not the one that an annotator was trained with.

    Raises:
        AtlasError: it is another, or the folder holds no annotator.
    """
    wanted = read_settings(folder)["library_digest"]
    if wanted != library_digest:
        raise AtlasError(
            f"{folder}: was trained with library {wanted[:12]}, but {library} is {library_digest[:12]}. "
            "Use the library it was trained with, or train it again with `atlas train`."
        )


def digest(folder: Path) -> str:
    """Digest of what decides the annotator's output."""
    read_settings(folder)
    if not (folder / MODEL).is_file():
        raise AtlasError(f"{folder}: {MODEL} is missing; train the annotator again")
    states = ((path, path.stat()) for path in (folder / CONFIG, folder / MODEL))
    return _digest(tuple((path, state.st_size, state.st_mtime_ns) for path, state in states))


@lru_cache(maxsize=4)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Kept, as every unit of a run asks for it and the weights may be large."""
    return of_files(path for path, _, _ in files)


def load(folder: Path) -> Annotator:
    """Read an annotator.

    Raises:
        AtlasError: there is none, or its weights are damaged.
    """
    from safetensors import SafetensorError

    settings = read_settings(folder)
    own = digest(folder)
    try:
        weights = nested(Weights, mapped(folder / MODEL))
    except (SafetensorError, KeyError, OSError) as error:
        raise AtlasError(f"{folder / MODEL}: is damaged or incomplete ({error}); train the annotator again") from error
    featurizer = Featurizer(**settings["featurizer"])
    if featurizer.width != len(weights.idf):
        raise AtlasError(
            f"{folder}: was made for {len(weights.idf):,} features, but this version of Atlas makes "
            f"{featurizer.width:,}; train the annotator again"
        )
    embed = None
    if settings["tier"] == "encoder":
        from atlas.models.int8 import quick_encoder

        embed = quick_encoder(settings["train"]["encoder"]).encode
    return Annotator(weights, featurizer, settings, own, embed)
