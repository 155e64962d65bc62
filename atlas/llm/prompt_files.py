"""Versioned prompt files: those that ship with Atlas, by their version, and others by their path."""

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from atlas.errors import AtlasError

Prompt = TypeVar("Prompt")


class PromptPart(BaseModel):
    """A prompt file or a part of one. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def shipped(package: str) -> list[str]:
    """The versions of the prompts that ship in a package's folder ``prompts``."""
    names = (file.name for file in _folder(package).iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read(name: str, package: str, made: Callable[[dict[str, Any]], Prompt]) -> Prompt:
    """A prompt that ships in ``package`` by its version, or a file of one's own by its path.

    Args:
        made: what makes a prompt of a file's keys. It is called anew only where a file's content is new.

    Raises:
        AtlasError: no such prompt, or a file that is none, with all that is wrong in it.
    """
    path, own = Path(name), _folder(package) / f"{name}.yaml"
    if path.is_file():
        raw = path.read_bytes()
    elif "/" not in name and own.is_file():
        raw = own.read_bytes()
    else:
        raise AtlasError(f"prompt {name!r}: no such file, and Atlas ships {', '.join(shipped(package))}")
    try:
        return _made(raw, made)
    except ValidationError as error:
        wrong = "".join(f"\n  {_mistake(mistake['loc'], mistake['msg'])}" for mistake in error.errors())
    except (ValueError, yaml.YAMLError) as error:  # not UTF-8, not YAML, a date that is none
        wrong = f" {error}"
    raise AtlasError(f"prompt {name}: not a valid prompt file:{wrong}")


def _folder(package: str) -> Traversable:
    return files(package) / "prompts"


@lru_cache(maxsize=16)
def _made(raw: bytes, made: Callable[[dict[str, Any]], Any]) -> Any:
    data = yaml.safe_load(raw.decode())
    if not isinstance(data, dict):
        raise ValueError("it has no keys; `version: NAME` is the first to write")
    return made(data)


def _mistake(place: tuple[str | int, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {said}" if place else said
