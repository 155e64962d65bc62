"""What runs cost on an object store: requests, and what faults of the network do. Starts an S3 server on loopback.

``requests``: how many of each kind a unit takes, as the difference between two runs of ``--units`` and half as many
units, over the difference in units; ``fixed`` is what a run takes beside. The baseline reads each row group with
pyarrow and writes it back as a file, and does nothing else.

``faults``: the same run while a share of the requests is answered with 503 or cut off before, within or after. The
baseline has pyarrow's own three attempts in place of ten.

Needs the extra ``dev``, and DATA/webdocs/open.parquet.
"""

import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from rows import Row, arguments, finish

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.balance import Result
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import status
from atlas.runner.run import Execution, run

sys.path.append(str(Path(__file__).parents[1] / "tests" / "storage"))

from faulty_proxy import Fault, Proxy, at_random, faulty_proxy
from s3_bucket import Bucket
from s3_server import s3_server

DOCUMENTS = 20  # a unit
UNITS_PER_FILE = 2
FAULTS: list[Fault] = ["slow down", "cut before", "cut in request", "cut in answer", "cut after"]
SHARES = (0.0, 0.02, 0.1, 0.3)
FAULTY_UNITS = 8
STAGE = ChunkStage(ChunkConfig())


@dataclass(frozen=True)
class Store:
    bucket: Bucket
    texts: list[str]

    @property
    def proxy(self) -> Proxy:
        return self.bucket.proxy

    def corpus(self, units: int) -> str:
        """The key of a folder with so many units."""
        key = f"corpus-{units}"
        for file in range(units // UNITS_PER_FILE):
            numbers = range(file * DOCUMENTS * UNITS_PER_FILE, (file + 1) * DOCUMENTS * UNITS_PER_FILE)
            texts = [self.texts[number % len(self.texts)] for number in numbers]
            whole = io.BytesIO()
            pq.write_table(pa.table({"id": list(map(str, numbers)), "text": texts}), whole, row_group_size=DOCUMENTS)
            self.bucket.put(f"{key}/{file:04}.parquet", whole.getvalue())
        return key

    def run(self, corpus: str, out: str | Path, *, options: str = "", verify: bool = False) -> Result:
        source = DocumentSource(CorpusConfig(path=self.bucket.url(corpus, options), id="id", unit_bytes=1))
        return run(STAGE, source, out, corpus, {}, Execution(verify=verify))


@contextmanager
def store(texts: list[str]) -> Iterator[Store]:
    os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
    with s3_server() as port, faulty_proxy(port) as proxy:
        endpoint = f"127.0.0.1:{port}"
        direct = pafs.S3FileSystem(
            endpoint_override=endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True
        )
        direct.create_dir("benchmark")
        yield Store(Bucket("benchmark", proxy, direct), texts)


def requests(at: Store, units: int) -> list[Row]:
    """Requests of runs, of their resumption and of looking at them."""
    sizes = (units // 2, units)
    corpora = [at.corpus(size) for size in sizes]
    kinds: dict[str, Callable[[str, str], object]] = {
        "atlas-chunk": lambda corpus, out: at.run(corpus, at.bucket.url(out)),
        "atlas-chunk, all done": lambda corpus, out: at.run(corpus, at.bucket.url(out)),
        "atlas-chunk, all done, --verify": lambda corpus, out: at.run(corpus, at.bucket.url(out), verify=True),
        "atlas-status": lambda _, out: status(RunFolder.at(at.bucket.url(out))),
        "atlas-status, --verify": lambda _, out: status(RunFolder.at(at.bucket.url(out)), verify=True),
        "baseline-pyarrow": lambda corpus, out: _copied(at, corpus, f"{out}-copied"),
    }
    rows = []
    for system, work in kinds.items():
        counted = []
        for corpus, size in zip(corpora, sizes, strict=True):
            at.proxy.calm()
            work(corpus, f"out-{size}")
            counted.append(at.proxy.counted())
        half, whole = counted
        each = {name: (whole[name] - half.get(name, 0)) / (sizes[1] - sizes[0]) for name in whole}
        fixed = sum(whole.values()) - round(sum(each.values()) * sizes[1])
        per_unit = {f"{name.lower()} a unit": round(value, 2) for name, value in each.items()}
        total = {"a unit": round(sum(each.values()), 2), "fixed": fixed}
        rows.append({"benchmark": "object_store", "dataset": "requests", "system": system, **total, **per_unit})
    return rows


def _copied(at: Store, corpus: str, out: str) -> None:
    """Each row group of a folder, read and written by itself, with pyarrow's own filesystem."""
    filesystem, path = pafs.FileSystem.from_uri(at.bucket.url(corpus))
    for info in filesystem.get_file_info(pafs.FileSelector(path)):
        file = pq.ParquetFile(info.path, filesystem=filesystem)
        for group in range(file.num_row_groups):
            target = f"{at.bucket.name}/{out}/{info.base_name}-{group}"
            pq.write_table(file.read_row_group(group), target, filesystem=filesystem)


def faults(at: Store) -> list[Row]:
    """Seconds and outcome of a run of some units under faults, with ten attempts and with three."""
    corpus = at.corpus(FAULTY_UNITS)
    with tempfile.TemporaryDirectory() as folder:
        at.run(corpus, folder)
        undisturbed = {path.name: path.read_bytes() for path in Path(folder, "parts").iterdir()}
    rows = []
    for share in SHARES:
        for system, attempts in (("atlas", 10), ("baseline-3-attempts", 3)):
            out = f"faulty-{share}-{attempts}"
            options = f"&max_attempts={attempts}"
            at.proxy.calm()
            at.proxy.choose = at_random(1, dict.fromkeys(FAULTS, share / len(FAULTS)))
            began = perf_counter()
            try:
                failures = len(at.run(corpus, at.bucket.url(out, options), options=options).failures)
                ended = "yes"
            except Exception as error:
                failures, ended = FAULTY_UNITS, f"no: {type(error).__name__}"
            row = {
                "benchmark": "object_store",
                "dataset": "faults",
                "system": f"{system}, {share:.0%}",
                "seconds": round(perf_counter() - began, 1),
                "requests": sum(at.proxy.counted().values()),
                "disturbed": sum(at.proxy.faults().values()),
                "ended": ended,
                "units_failed": failures,
            }
            at.proxy.calm()
            parts = at.bucket.objects(f"{out}/parts")
            rows.append(row | {"as_undisturbed": sum(undisturbed.get(name) == there for name, there in parts.items())})
    return rows


def main() -> None:
    chosen = arguments(__doc__ or "", ["requests", "faults"], units=32)
    sets = chosen.sets.split(",")
    table = pq.read_table(chosen.data / "webdocs" / "open.parquet", columns=["text"])
    rows: list[Row] = []
    with store(table.column("text").to_pylist()) as at:
        if "requests" in sets:
            rows += requests(at, chosen.units)
        if "faults" in sets:
            rows += faults(at)
    finish(rows, chosen.json)


if __name__ == "__main__":
    main()
