"""What training has made so far, on disk: stopped at any moment, the same training goes on from there."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from atlas.annotator.arrays import flat, nested
from atlas.annotator.tensors import mapped, write

T = TypeVar("T")


class Keep(Protocol):
    """Gives what a step makes: from before where it was kept, else by making it."""

    def __call__(self, step: str, kind: type[T], make: Callable[[], T]) -> T: ...


def make_anew(step: str, kind: type[T], make: Callable[[], T]) -> T:
    """Keeps nothing."""
    return make()


class Checkpoints:
    """A file for each step, named tuples of arrays. ``key`` names what they were made of: other files are not read."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._key = key[:16]

    def __call__(self, step: str, kind: type[T], make: Callable[[], T]) -> T:
        path = self._folder / f"{step}-{self._key}.safetensors"
        if not path.is_file():
            made = make()
            self._folder.mkdir(parents=True, exist_ok=True)
            write(path, flat(made))
        return nested(kind, mapped(path))

    def clear(self) -> None:
        """Delete them all, those of other keys too."""
        shutil.rmtree(self._folder, ignore_errors=True)
