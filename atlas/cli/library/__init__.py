"""atlas library: look at a concept library, check it, edit it, carry labelled data on.

Importing this adds every command.
"""

from atlas.cli.library import compare, edit, exchange, find, lint, place
from atlas.cli.library.app import app

__all__ = ["app", "compare", "edit", "exchange", "find", "lint", "place"]
