"""The command line: thin."""

import os
import sys
from collections.abc import Callable
from typing import Any

INTERRUPTED = 130  # what typer leaves with after Ctrl-C


def complain_on_error(command: Callable[..., Any]) -> int:
    """Run the command; turn errors into a message on standard error and an exit status."""
    from atlas.errors import AtlasError, IncompleteRun

    try:
        status = _run(command)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains as it ends
        return 1
    except IncompleteRun as error:
        print(f"atlas: {error}", file=sys.stderr)
        return 1
    except AtlasError as error:
        print(f"atlas: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"atlas: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    if status == INTERRUPTED:
        print("\natlas: stopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 1
    return status


def _run(command: Callable[..., Any]) -> int:
    """The command's exit status; typer itself shows what is wrong with flags."""
    try:
        command()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
