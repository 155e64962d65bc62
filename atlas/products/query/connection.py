"""A DuckDB that reads runs: bounded in memory, shut off from every other file, nothing left behind."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from atlas.cores import cores
from atlas.errors import AtlasError
from atlas.products.query.asked import Asked
from atlas.products.query.parts_only import PartsOnly
from atlas.products.query.views import create

BATCH_ROWS = 10_000
_FILE_ACCESS = "file system operations are disabled"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may use. ``memory`` as DuckDB writes it (``1GB``); beyond it, it spills to a temporary folder."""

    memory: str = "1GB"
    threads: int | None = None


@contextmanager
def connected(runs: Sequence[Asked], limits: Limits = Limits()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the views of some runs: in schemas of their names, or in the main one.

    When the views are there it is shut: no other file can be read or written, no setting changed.

    Raises:
        AtlasError: the memory is no amount; two runs have one name.
    """
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise AtlasError(f"two runs are called {names[0]!r}; give each a name of its own: --run NAME=RUN")
    with spill_folder() as spill:
        connection = duckdb.connect()
        mounted: list[PartsOnly] = []
        try:
            _limit(connection, limits, spill)
            urls = []
            for number, run in enumerate(runs):
                paths = [*run.parts, *run.run.folder.quarantined()]
                files = PartsOnly(f"atlas{number}", run.run.folder.filesystem, paths)
                connection.register_filesystem(files)
                mounted.append(files)
                urls += files.urls()
                create(connection, run, files.urls())
            _shut(connection, urls)
            yield connection
        finally:
            for files in mounted:
                connection.unregister_filesystem(files.protocol)
            connection.close()


@contextmanager
def spill_folder() -> Iterator[Path]:
    """A folder that is gone afterwards. Its name is known before it is made, so that an interrupt while it is made, in
    which ``TemporaryDirectory`` would lose it, leaves nothing either."""
    folder = Path(tempfile.gettempdir()) / f"atlas-query-{uuid.uuid4().hex}"
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _limit(connection: duckdb.DuckDBPyConnection, limits: Limits, spill: Path) -> None:
    try:
        connection.execute("set memory_limit = $memory", {"memory": limits.memory})
    except duckdb.Error as error:
        raise AtlasError(f"--memory {limits.memory}: is no amount of memory; write it as 500MB or 2GB") from error
    connection.execute("set threads = $threads", {"threads": limits.threads or cores()})
    connection.execute("set temp_directory = $folder", {"folder": str(spill)})


def _shut(connection: duckdb.DuckDBPyConnection, urls: list[str]) -> None:
    connection.execute("set allowed_paths = $urls", {"urls": urls})
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    """What the last statement of some SQL gives, in batches. Whole numbers of 128 bits (sums) come as int64.

    Raises:
        AtlasError: the SQL is wrong, with its place; it needs more memory; it gives nothing.
        KeyboardInterrupt: it was stopped.
    """
    with said():
        try:
            relation = connection.sql(sql)
        except (duckdb.BinderException, duckdb.CatalogException):
            connection.execute(sql)  # fails alike, but says where
            raise
        if relation is None:
            raise AtlasError("the SQL holds no statement; try: select * from documents limit 5")
        reader = relation.to_arrow_reader(BATCH_ROWS)
    schema = pa.schema([_narrow(field) for field in reader.schema])
    return pa.RecordBatchReader.from_batches(schema, _batches(reader, schema))


def _narrow(field: pa.Field) -> pa.Field:
    whole = pa.types.is_decimal128(field.type) and field.type.scale == 0
    return field.with_type(pa.int64()) if whole else field


def _batches(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with said():
        for batch in reader:
            yield batch.cast(schema)


@contextmanager
def said() -> Iterator[None]:
    """DuckDB's errors in words that tell what to do.

    Raises:
        AtlasError, KeyboardInterrupt.
    """
    try:
        yield
    except (duckdb.InterruptException, KeyboardInterrupt):
        raise KeyboardInterrupt from None
    except RuntimeError as error:
        if "interrupted" in str(error).lower():  # what Ctrl-C comes as
            raise KeyboardInterrupt from None
        raise
    except duckdb.OutOfMemoryException as error:
        raise AtlasError(
            f"the query needs more memory, though it spills to disk: give --memory more ({error})"
        ) from error
    except (duckdb.Error, pa.ArrowException) as error:
        raise AtlasError(_advised(str(error))) from error


def _advised(message: str) -> str:
    if _FILE_ACCESS in message:
        return (
            f"SQL: queries read the run and nothing else; --out FILE writes what one gives ({message.splitlines()[0]})"
        )
    if "configuration has been locked" in message:
        return f"SQL: settings are given as flags, --memory and --threads ({message.splitlines()[0]})"
    if "Referenced column" in message or "Table with name" in message:
        return f"SQL: {message}\n\n--schema lists the views with their columns"
    return f"SQL: {message}"
