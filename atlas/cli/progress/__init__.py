"""What a run shows while it works: a bar on a terminal, now and then a line in a pipe, JSON lines, metrics."""

from atlas.cli.progress.settings import Watching
from atlas.cli.progress.shown import shown

__all__ = ["Watching", "shown"]
