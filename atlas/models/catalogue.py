"""Which models Atlas knows by name."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml

from atlas.errors import AtlasError

Form = Literal["ctranslate2", "checkpoint"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model inside a package of the package index. ``main`` is the file checked when ``file`` is a folder.

    ``adapter`` names what is added to its weights, where there is something; see ``convert.add_adapter``.
    """

    name: str
    kind: Literal["generator", "encoder"]
    description: str
    licence: str
    package: str
    version: str
    file: str
    sha256: str
    main: str = ""
    adapter: str = ""

    @property
    def digest(self) -> str:
        """What tells it from other models: the digest of its file, and of its adapter where it has one."""
        return _with_adapter(self.sha256, self.adapter) if self.adapter else self.sha256

    @property
    def forms(self) -> tuple[Form, ...]:
        """What it can be made into, the usual one first: int8 for the embedded engine, a Hugging Face checkpoint."""
        return ("ctranslate2", "checkpoint") if self.kind == "generator" else ("checkpoint",)


@lru_cache
def _with_adapter(sha256: str, adapter: str) -> str:
    return hashlib.sha256(sha256.encode() + adapter_bytes(adapter)).hexdigest()


def adapter_bytes(name: str) -> bytes:
    """The file of an adapter that ships with Atlas."""
    return (files("atlas.models") / "adapters" / f"{name}.safetensors").read_bytes()


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Model]:
    """All known models by name."""
    text = (files("atlas.models") / "catalogue.yaml").read_text(encoding="utf-8")
    return {name: Model(name=name, **entry) for name, entry in yaml.safe_load(text)["models"].items()}


def named(name: str) -> Model:
    """The catalogue's entry.

    Raises:
        AtlasError: no model of that name.
    """
    try:
        return catalogue()[name]
    except KeyError:
        known = ", ".join(catalogue())
        raise AtlasError(f"model {name!r}: not in the catalogue ({known}), no local path, and no hub id") from None
