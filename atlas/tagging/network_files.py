"""Files of the networks by which topics are chosen: those that ship with Atlas, and one's own.

``benchmarks/fit_choice.py`` writes them, ``prompts/`` has what ships with Atlas. A prompt file names those it uses.
"""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from atlas.digest import of_bytes
from atlas.errors import AtlasError
from atlas.models.network import Network


def digest(name: str) -> str:
    """Digest of the file's bytes."""
    return of_bytes([_bytes(name)])


def read(name: str) -> Network:
    """A network that ships with Atlas by its name, or a file of one's own by its path.

    Raises:
        AtlasError: no such file, or one that holds no such network.
    """
    return _read(_bytes(name), name)


def write(path: Path, network: Network, metadata: dict[str, str]) -> None:
    """Write a network as safetensors, its weights as float16."""
    from safetensors.numpy import save

    tensors = {"mean": network.mean, "scale": network.scale}
    for number, (weights, bias) in enumerate(network.layers):
        tensors |= {f"weights.{number}": weights.astype(np.float16), f"bias.{number}": bias}
    path.write_bytes(save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, metadata))


@lru_cache(maxsize=4)
def _read(raw: bytes, name: str) -> Network:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        told = load(raw)
        count = sum(key.startswith("weights.") for key in told)
        layers = [(told[f"weights.{number}"], told[f"bias.{number}"]) for number in range(count)]
        return Network(
            told["mean"], told["scale"], tuple((w.astype(np.float32), bias.astype(np.float32)) for w, bias in layers)
        )
    except (SafetensorError, KeyError) as error:
        raise AtlasError(
            f"{name}: not a network that chooses topics ({error}); benchmarks/fit_choice.py writes one"
        ) from error


def _bytes(name: str) -> bytes:
    own = Path(name)
    shipped = files("atlas.tagging") / "prompts" / f"{name}.safetensors"
    if own.is_file():
        return own.read_bytes()
    if "/" not in name and shipped.is_file():
        return shipped.read_bytes()
    raise AtlasError(f"network {name!r}: no such file, and none of that name ships with Atlas")
