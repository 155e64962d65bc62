"""Atlas's verbs as plain functions: what the command line calls, and what a notebook can.

Each takes settings and paths, does its whole job, and returns what it found out. Each is safe to repeat:
work that is done is kept.
"""

from atlas.verbs import export
from atlas.verbs.annotate import annotate
from atlas.verbs.canonicalize import FUNNEL, canonicalize
from atlas.verbs.chunk import chunk
from atlas.verbs.estimate import estimate
from atlas.verbs.evaluate import EVALUATION, evaluate
from atlas.verbs.hooks import HERE, QUIET, Hooks
from atlas.verbs.query import carries, compare, contamination, query, source
from atlas.verbs.report import report
from atlas.verbs.retag import retag
from atlas.verbs.retry import retry
from atlas.verbs.sample import sample
from atlas.verbs.status import status
from atlas.verbs.tag import spent, tag, tagged
from atlas.verbs.tag_run import read_tags
from atlas.verbs.train import train

__all__ = [
    "EVALUATION",
    "FUNNEL",
    "HERE",
    "QUIET",
    "Hooks",
    "annotate",
    "canonicalize",
    "carries",
    "chunk",
    "compare",
    "contamination",
    "estimate",
    "evaluate",
    "export",
    "query",
    "read_tags",
    "report",
    "retag",
    "retry",
    "sample",
    "source",
    "spent",
    "status",
    "tag",
    "tagged",
    "train",
]
