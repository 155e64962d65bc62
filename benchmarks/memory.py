"""How much memory does `atlas annotate` take, whatever the shape of the corpus?

Takes a pipeline's folder (``--data runs/quickstart``) for the annotator, and texts from the example corpus.
Sets: ``corpus`` (files of 64 MiB, ``--gigabytes`` in all), ``row-group`` (one Parquet file of half that size with a
single row group), ``document`` (one of 100 MB, of one-byte and of four-byte characters), ``tiny`` (a million documents
of 20 bytes). One worker each; what is shared with other processes is counted whole. ``--plot DIR`` draws each set's
memory over time.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, finish, parser

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource

TEXTS = "examples/corpus/*.parquet"
FILE_BYTES = 64 << 20
DOCUMENT_BYTES = 100_000_000
TINY = 1_000_000
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Watched:
    """A run's resident memory over time, of all its processes together."""

    seconds: list[float]
    megabytes: list[float]
    status: int

    @property
    def flatness(self) -> float:
        """Peak of the second half over that of the first: about 1 where memory does not grow with the work done."""
        half = len(self.megabytes) // 2
        return max(self.megabytes[half:]) / max(self.megabytes[:half] or self.megabytes)


def main() -> None:
    known = parser(__doc__.splitlines()[0], ["corpus", "row-group", "document", "tiny"])
    known.add_argument("--gigabytes", type=float, default=4.0, help="size of the set corpus")
    known.add_argument("--plot", type=Path, help="folder for a drawing of each set's memory")
    chosen = known.parse_args()
    make: dict[str, Callable[[Path], Iterator[tuple[str, Path]]]] = {
        "corpus": lambda folder: many_files(folder, chosen.gigabytes),
        "row-group": lambda folder: one_row_group(folder, chosen.gigabytes / 2),
        "document": one_document,
        "tiny": tiny_documents,
    }
    rows: list[Row] = []
    for name in chosen.sets.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            for described, corpus in make[name](Path(scratch)):
                watched = watch(chosen.data / "annotator", corpus, Path(scratch) / f"out-{described}")
                rows.append(
                    {
                        "benchmark": "memory",
                        "dataset": described,
                        "system": "atlas-annotate",
                        "peak_rss_mb": max(watched.megabytes),
                        "second_half_over_first": watched.flatness,
                        "seconds": watched.seconds[-1],
                        "exit_status": watched.status,
                    }
                )
                if chosen.plot:
                    (chosen.plot / f"memory-{name}-{len(rows)}.svg").write_text(drawn(watched, described))
    finish(rows, chosen.json)


def watch(model: Path, corpus: Path, out: Path) -> Watched:
    command = [sys.executable, "-m", "atlas.cli.main", "annotate", corpus, "--id", "id", "--model", model, "--out", out]
    started = perf_counter()
    process = psutil.Popen([*map(str, command), "--no-chunk-text", "--quiet"], stdout=subprocess.DEVNULL)
    seconds, megabytes = [], []
    while True:
        try:
            process.wait(timeout=SAMPLE_SECONDS)
            break
        except psutil.TimeoutExpired:
            family = [process, *process.children(recursive=True)]
            seconds.append(perf_counter() - started)
            megabytes.append(sum(one.memory_info().rss for one in family if one.is_running()) / 1e6)
    return Watched(seconds, megabytes, process.returncode)


def texts() -> list[str]:
    source = DocumentSource(CorpusConfig(path=TEXTS, id="doc_id"))
    batches = [batch.documents for unit in source.units() for batch in source.read(unit)]
    return [text for batch in batches for text in batch.column("text").to_pylist()]


def many_files(folder: Path, gigabytes: float) -> Iterator[tuple[str, Path]]:
    corpus, drawn = folder / "corpus", documents()
    corpus.mkdir()
    for number in range(round(gigabytes * 1e9 / FILE_BYTES)):
        pq.write_table(_table(drawn, FILE_BYTES), corpus / f"{number:05}.parquet", row_group_size=2_000)
    yield f"{gigabytes:g} GB in files of {FILE_BYTES >> 20} MiB", corpus


def one_row_group(folder: Path, gigabytes: float) -> Iterator[tuple[str, Path]]:
    table = _table(documents(), round(gigabytes * 1e9))
    path = folder / "group.parquet"
    pq.write_table(table, path, row_group_size=table.num_rows)
    del table
    yield f"{gigabytes:g} GB in one row group", path


def one_document(folder: Path) -> Iterator[tuple[str, Path]]:
    whole = "\n\n".join(texts()).encode("ascii", "ignore").decode()
    ascii_only = (whole * (DOCUMENT_BYTES // len(whole) + 1))[:DOCUMENT_BYTES]
    for described, text in (("100 MB document", ascii_only), ("100 MB document with an emoji", ascii_only[:-4] + "😀")):
        path = folder / f"{described.replace(' ', '-')}.parquet"
        pq.write_table(pa.table({"id": ["one"], "text": pa.array([text], pa.large_string())}), path)
        yield described, path


def tiny_documents(folder: Path) -> Iterator[tuple[str, Path]]:
    path = folder / "tiny.parquet"
    words = [f"A passage, no. {n % 99_999:05}" for n in range(TINY)]
    pq.write_table(pa.table({"id": [str(n) for n in range(TINY)], "text": words}), path)
    yield "1,000,000 documents of 20 bytes", path


def documents() -> Iterator[tuple[str, str]]:
    """Endless documents of some paragraphs each, drawn from the example corpus, with their ids."""
    draw, paragraphs = random.Random(0), [p for text in texts() for p in text.split("\n\n") if len(p) > 100]
    return ((str(number), "\n\n".join(draw.choices(paragraphs, k=20))) for number in count())


def _table(drawn: Iterator[tuple[str, str]], size: int) -> pa.Table:
    ids, made = [], []
    while size > 0:
        doc_id, text = next(drawn)
        ids.append(doc_id)
        made.append(text)
        size -= len(text)
    return pa.table({"id": ids, "text": pa.array(made, pa.large_string())})


def drawn(watched: Watched, title: str) -> str:
    """Memory over time as an SVG of 640 by 200, up to 1.5 GB and the run's end."""
    across, up = 600 / max(watched.seconds), 150 / 1_500
    line = " ".join(
        f"{30 + s * across:.1f},{180 - m * up:.1f}" for s, m in zip(watched.seconds, watched.megabytes, strict=True)
    )
    limit = 180 - (1 << 30) / 1e6 * up
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 200" font-family="sans-serif" font-size="11">'
        f'<text x="30" y="18">{title}: peak {max(watched.megabytes):,.0f} MB, {watched.seconds[-1]:,.0f} s</text>'
        f'<path d="M30 {limit:.1f}H630" stroke="#c44" stroke-dasharray="4"/>'
        f'<text x="34" y="{limit - 3:.1f}">1 GiB</text>'
        '<path d="M30 30V180H630" fill="none" stroke="#888"/>'
        f'<polyline points="{line}" fill="none" stroke="#246"/></svg>\n'
    )


if __name__ == "__main__":
    main()
