"""What a verb says while it works, and where it works, unless told otherwise."""

from collections.abc import Callable
from dataclasses import dataclass

from atlas.runner.run import Execution, Plan, Watch


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where progress goes. The defaults keep quiet."""

    say: Callable[[str], None] = lambda _: None
    started: Callable[[Plan], None] | None = None
    watch: Watch | None = None


QUIET = Hooks()
HERE = Execution(workers=1)
