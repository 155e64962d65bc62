"""Commands that are imported when they are called: the help of a group names them without.

``atlas --help`` takes 0.2 s so, and 0.6 s with every command's settings imported.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True, slots=True)
class Later:
    """Where a command is: the function, or the Typer app of a group, and what help says of it in the group."""

    module: str
    name: str
    help: str

    def made(self, called: str) -> Any:
        found: Callable[..., Any] | typer.Typer = getattr(import_module(self.module), self.name)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = called
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(called)(found)
        return get_command(alone)


class _Commands(MutableMapping[str, Any]):
    """A group's commands by name, each made when it is first asked for."""

    def __init__(self, made: Mapping[str, Any], later: Mapping[str, Later]) -> None:
        self._made, self._later = dict(made), dict(later)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._later[name].made(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in self._later

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._later, *self._made]))

    def __len__(self) -> int:
        return len({*self._later, *self._made})

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        self._made.pop(name, None)
        self._later.pop(name, None)

    def named(self) -> dict[str, Any]:
        """For help: what is not yet made stands there by its name and its first line."""
        stubs = {name: TyperCommand(name, help=later.help) for name, later in self._later.items()}
        return {name: self._made.get(name) or stubs[name] for name in self}


def group_of(later: Mapping[str, Later]) -> type[TyperGroup]:
    """The class of a Typer group that has these commands, and those that are added to it at once."""

    class LazyGroup(TyperGroup):
        def __init__(self, *, commands: Any = None, **attributes: Any) -> None:
            super().__init__(commands=commands, **attributes)
            self.commands = _Commands(self.commands, later)

        def list_commands(self, ctx: Any) -> list[str]:
            return list(self.commands)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            shown = copy(self)
            shown.commands = self.commands.named() if isinstance(self.commands, _Commands) else self.commands
            super(LazyGroup, shown).format_help(ctx, formatter)

    return LazyGroup
