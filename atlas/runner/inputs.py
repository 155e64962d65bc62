"""What a run remembers of its input files between starts: ``.inputs.parquet``, a cache and no more."""

from atlas.corpus.remembered import REMEMBERED, Remembered
from atlas.runner import cache
from atlas.runner.folder import RunFolder

CACHE = ".inputs.parquet"
WORTH_KEEPING_FILES = 500  # opened anew: some 0.3 s
WORTH_KEEPING_BYTES = 1 << 30  # read anew for their digest: about a second


def remembered(folder: RunFolder) -> Remembered:
    """What the last start of a run knew of its input files; nothing, where there is no such note."""
    return Remembered(cache.rows(folder, CACHE, REMEMBERED))


def remember(folder: RunFolder, known: Remembered) -> None:
    """Keep what planning found out, where that was much."""
    if known.files >= WORTH_KEEPING_FILES or known.bytes >= WORTH_KEEPING_BYTES:
        cache.update(folder, CACHE, REMEMBERED, known.new, cache.rows(folder, CACHE, REMEMBERED))
