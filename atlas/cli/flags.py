"""A stage's settings as command-line flags: every field of a config is a flag with its own help."""

import inspect
import re
import types
import typing
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from atlas.errors import AtlasError

Config = typing.TypeVar("Config", bound=BaseModel)

NONE = "none"  # what help shows of a flag that does nothing unless it is given


def with_flags(parameter: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a command's parameter by the flags that are the parameters of ``make``, which makes its value."""
    flags = [flag.replace(kind=inspect.Parameter.KEYWORD_ONLY) for flag in inspect.signature(make).parameters.values()]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(*args: Any, **given: Any) -> Any:
            return command(*args, **{parameter: make(**{flag.name: given.pop(flag.name) for flag in flags})}, **given)

        own = inspect.signature(command).parameters.values()
        return _seen_with(wrapped, [p for each in own for p in (flags if each.name == parameter else [each])])

    return decorate


def with_config(parameter: str, model: type[BaseModel], skip: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Replace a command's parameter that takes a config by one flag per field of the config.

    Nested configs become flags with a prefix: ``sample.chunks`` is ``--sample-chunks``.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        flags = {name: (path, info) for name, path, info in _flatten(model, (), skip)}

        @wraps(command)
        def wrapped(*args: Any, **given: Any) -> Any:
            values: dict[str, Any] = {}
            for name, (path, _) in flags.items():
                value = given.pop(name)
                if value is not None:
                    _put(values, path, tuple(value) if isinstance(value, list) else value)
            try:
                config = model(**values)
            except ValidationError as error:
                paths = [path for path, _ in flags.values()]
                raise AtlasError("\n".join(_mistake(mistake, paths) for mistake in error.errors())) from None
            return command(*args, **given, **{parameter: config})

        kept = [p for p in inspect.signature(command).parameters.values() if p.name != parameter]
        added = [_parameter(name, info, path) for name, (path, info) in flags.items()]
        return _seen_with(wrapped, [*kept, *added])

    return decorate


def _seen_with(command: Callable[..., Any], parameters: list[inspect.Parameter]) -> Callable[..., Any]:
    """The command, of which typer sees these parameters."""
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def checked(make: Callable[[], Config]) -> Config:
    """The config that ``make`` makes of flags with its fields' names.

    Raises:
        AtlasError: one line for each mistake, with its flag.
    """
    try:
        return make()
    except ValidationError as error:
        lines = []
        for mistake in error.errors():
            steps = [step for step in mistake["loc"] if isinstance(step, str)]
            lines.append(f"--{_flag((steps[-1],))}: {_said(mistake)}" if steps else _said(mistake))
        raise AtlasError("\n".join(lines)) from None


def _flatten(
    model: type[BaseModel], before: tuple[str, ...], skip: tuple[str, ...]
) -> typing.Iterator[tuple[str, tuple[str, ...], FieldInfo]]:
    for name, info in model.model_fields.items():
        path = (*before, name)
        if ".".join(path) in skip:
            continue
        nested = info.annotation
        if inspect.isclass(nested) and issubclass(nested, BaseModel):
            yield from _flatten(nested, path, skip)
        else:
            yield "_".join(path), path, info


def _parameter(name: str, info: FieldInfo, path: tuple[str, ...]) -> inspect.Parameter:
    """A flag with the field's own default, which typer then shows; without one it shows in words that there is none."""
    default = info.get_default(call_default_factory=True)
    none = default in (None, PydanticUndefined, ())
    kind = _plain_type(info.annotation)
    flag = f"--{_flag(path)}"
    names = (f"{flag}/--no-{_flag(path)}",) if kind is bool else (flag,)
    option = typer.Option(*names, help=info.description, show_default=NONE if none else True)
    annotation = Annotated[kind | None, option] if kind is not list else Annotated[list[str] | None, option]
    given = None if none else list(default) if kind is list else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=given, annotation=annotation)


def _mistake(mistake: ErrorDetails, paths: list[tuple[str, ...]]) -> str:
    """One line that names the flags concerned.

    What a validator of a whole model says names fields; these are put as the flags that the user knows.
    """
    place = tuple(step for step in mistake["loc"] if isinstance(step, str))
    said = _said(mistake)
    if place in paths:
        return f"--{_flag(place)}: {said}"
    below = {path[len(place)]: path for path in paths if path[: len(place)] == place and len(path) == len(place) + 1}
    return re.sub(r"\w+", lambda word: f"--{_flag(below[word[0]])}" if word[0] in below else word[0], said)


def _said(mistake: ErrorDetails) -> str:
    return mistake["msg"].removeprefix("Value error, ")


def _plain_type(annotation: Any) -> Any:
    """The type that typer reads a flag as: str, one of some words, int, float, bool, or list for repeated flags."""
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return annotation
    if origin is tuple:
        return list
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _plain_type(inner[0])
    return annotation if annotation in (int, float, bool) else str


def _flag(path: tuple[str, ...]) -> str:
    return "-".join(path).replace("_", "-")


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        values = values.setdefault(step, {})
    values[path[-1]] = value
