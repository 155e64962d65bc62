"""What is wrong, or looks wrong, with a library."""

from atlas.library.lint.finding import Finding, Rule
from atlas.library.lint.run import NAMES, OTHERS, RULES, lint, lint_folder
from atlas.library.lint.seen import UNIVERSAL_SHARE

__all__ = ["NAMES", "OTHERS", "RULES", "UNIVERSAL_SHARE", "Finding", "Rule", "lint", "lint_folder"]
