"""The command line: thin."""

import sys
from collections.abc import Callable
from typing import Any


def complain_on_error(command: Callable[..., Any]) -> int:
    """Run the command; turn errors into a message on standard error and an exit status."""
    from click.exceptions import Abort, ClickException, Exit

    from atlas.errors import AtlasError, IncompleteRun

    try:
        command(standalone_mode=False)
    except IncompleteRun as error:
        print(f"atlas: {error}", file=sys.stderr)
        return 1
    except AtlasError as error:
        print(f"atlas: {error}", file=sys.stderr)
        return 2
    except ClickException as error:
        error.show()
        return 2
    except Exit as leaving:
        return leaving.exit_code
    except (Abort, KeyboardInterrupt):
        print("\natlas: stopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0
