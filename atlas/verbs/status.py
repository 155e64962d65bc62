"""The verb that says what a run holds."""

from pathlib import Path

from atlas.runner.folder import RunFolder
from atlas.runner.inspect import Status
from atlas.runner.inspect import status as inspect


def status(run: str | Path, *, verify: bool = False) -> Status:
    """What a run folder holds, live or dead; with ``verify`` every byte of every part is read."""
    return inspect(RunFolder.at(run), verify=verify)
