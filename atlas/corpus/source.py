"""A corpus as the runner sees it: units, and the batches of each unit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from atlas.corpus import files, formats, rows
from atlas.corpus.config import CorpusConfig
from atlas.corpus.packed import Packed
from atlas.corpus.remembered import Remembered
from atlas.corpus.units import Unit, check_names, packed, unpacked
from atlas.errors import AtlasError
from atlas.storage import below, resolve
from atlas.tables import DOCUMENTS

DATASET_ROW_BYTES = 4096  # assumed size of a dataset row when a unit is measured in rows


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """Documents of a corpus. Small and picklable: a worker opens the files itself."""

    config: CorpusConfig

    @property
    def columns(self) -> pa.Schema:
        """Schema of the carried columns."""
        return pa.schema([pa.field(name, pa.string()) for name in self.config.carry])

    @property
    def schema(self) -> pa.Schema:
        """Schema of the batches that are read."""
        return pa.schema([*DOCUMENTS, *self.columns])

    def identity(self) -> dict[str, Any]:
        """The settings that decide what a unit's documents are."""
        picked = self.config.model_dump(mode="json", include={"id", "text", "source", "carry", "batch_bytes"})
        return picked if self.config.sample == 1.0 else picked | {"sample": self.config.sample}

    @property
    def ids_may_repeat(self) -> bool:
        """Whether a document's id can occur in another unit too: not where ids are made of file and row."""
        return self.config.id is not None

    def units(self, known: Remembered | None = None) -> list[Unit]:
        """All units in order, as of ``each_unit``; no two have the same name.

        Raises:
            AtlasError: as of ``each_unit``; two files whose units would have the same name.
        """
        units = list(self.each_unit(known))
        check_names((unit.name, unit.path) for unit in units)
        return units

    def each_unit(self, known: Remembered | None = None) -> Iterator[Unit]:
        """All units in order, one by one; files that are ``known`` are not read for it.

        Raises:
            AtlasError: the corpus is not there, is empty, has no readable file, or lacks a column.
        """
        if not self.config.path:
            raise AtlasError("the corpus has no path; give a file, a folder, a glob or a URL")
        if self.config.limit is None:
            yield from self._all(known or Remembered())
        else:  # what is wrong behind the limit is told too
            yield from self._first(Packed(map(packed, self._all(known or Remembered()))), self.config.limit)

    def _all(self, known: Remembered) -> Iterator[Unit]:
        any_rows = False
        for unit in self._dataset_units() if _is_dataset(self.config.path) else self._file_units(known):
            any_rows |= unit.rows != 0
            yield unit
        if not any_rows:
            raise AtlasError(f"{self.config.path}: the corpus is empty; it has no document")

    def _dataset_units(self) -> Iterator[Unit]:
        _dataset.cache_clear()  # it may have been saved anew since
        dataset = _dataset(self.config.path)
        rows.check_columns(self.config, dataset.column_names, self.config.path)
        unit_rows = max(1, self.config.unit_bytes // DATASET_ROW_BYTES)
        return formats.plan_dataset(dataset, self.config.path, unit_rows)

    def _file_units(self, known: Remembered) -> Iterator[Unit]:
        filesystem, found = files.each(self.config.path)
        settings = self.config.model_dump_json(include={"id", "text", "source", "carry", "unit_bytes"})
        texts: list[files.File] = []
        structured = 0
        broken: list[AtlasError] = []
        for file in found:
            if file.format == "text":
                if not structured:
                    texts.append(file)
                continue
            texts = []  # they lie beside the corpus
            structured += 1
            plan = self._plan_parquet if file.format == "parquet" else self._plan_json_lines
            try:
                yield from known.of(file, settings, partial(plan, filesystem, file, broken))
            except OSError as error:
                raise AtlasError(f"{file.path}: can't be read ({error})") from error
        if broken and len(broken) == structured:
            raise broken[0]
        if texts:
            present = [self.config.text, self.config.id or "id", "source"]
            rows.check_columns(self.config, present, self.config.path)
            yield from formats.plan_text(filesystem, texts, self.config.unit_bytes)

    def _plan_parquet(self, filesystem: pafs.FileSystem, file: files.File, broken: list[AtlasError]) -> Iterator[Unit]:
        """Units of a file; one that is no Parquet is a single record that can't be read."""
        try:
            schema = formats.parquet_file(filesystem, file.path).schema_arrow
        except AtlasError as error:
            broken.append(error)
            yield formats.plan_broken(filesystem, file)
            return
        rows.check_columns(self.config, schema.names, file.path)
        yield from formats.plan_parquet(filesystem, file, self.config.unit_bytes)

    def _plan_json_lines(self, filesystem: pafs.FileSystem, file: files.File, _: list[AtlasError]) -> Iterator[Unit]:
        present = formats.json_lines_columns(filesystem, file)
        if present is None:
            return
        if present:
            rows.check_columns(self.config, present, file.path)
        yield from formats.plan_json_lines(filesystem, file, self.config.unit_bytes)

    def _first(self, units: Packed, limit: int) -> Iterator[Unit]:
        """The units that hold the first ``limit`` records, the last of them cut."""
        for unit in map(unpacked, units):
            records = unit.rows if unit.rows >= 0 else sum(1 for _ in islice(self._rows(unit), limit + 1))
            if records >= limit:
                yield replace(unit, most=limit) if records > limit else unit
                return
            yield unit
            limit -= records

    def read(self, unit: Unit) -> Iterator[rows.Batch]:
        """The unit's documents in order, in batches of bounded size, rejects beside them."""
        config = self.config
        if unit.format == "text":
            config = config.model_copy(update={"id": config.id or "id"})
        return rows.documents(islice(self._rows(unit), unit.most), config, unit.label)

    def _rows(self, unit: Unit) -> Iterator[rows.Row]:
        config = self.config
        if unit.format == "dataset":
            return formats.read_dataset(_dataset(unit.path), unit)
        filesystem, _ = resolve(config.path)
        if unit.format == "text":
            return formats.read_text(filesystem, unit, config.text, config.id)
        if unit.format == "parquet":
            named = [config.text, config.id, config.source or "source", *config.carry]
            return formats.read_parquet(filesystem, unit, [name for name in named if name is not None])
        if unit.format == formats.BROKEN:
            return formats.read_broken(filesystem, unit)
        return formats.read_json_lines(filesystem, unit)


def _is_dataset(path: str) -> bool:
    if path.startswith("hf:"):
        return True
    folder = Path(path)
    return "://" not in path and any((folder / n).is_file() for n in ("state.json", "dataset_dict.json"))


@lru_cache(maxsize=2)
def _dataset(path: str) -> Any:
    """A saved dataset folder, or ``hf:NAME[:SPLIT]`` through the hub or its local cache."""
    import datasets

    name, _, split = path.removeprefix("hf:").partition(":")
    try:
        if not path.startswith("hf:"):
            loaded = datasets.load_from_disk(path)
        elif Path(name).exists() and not any(Path(name).glob("*.py")):
            loaded = datasets.load_dataset(name, split=split or None)
        else:
            loaded = datasets.load_dataset(name, split=split or "train")
    except Exception as error:  # the library raises many kinds; each means that there is nothing to read
        raise AtlasError(f"{path}: Hugging Face datasets can't load it ({error})") from error
    if isinstance(loaded, dict):
        names = ", ".join(loaded)
        if len(loaded) > 1 and split not in loaded:
            raise AtlasError(f"{path}: has splits {names}; point at one (a sub-folder, or hf:NAME:SPLIT)")
        loaded = loaded[split] if split in loaded else next(iter(loaded.values()))
    return loaded


@dataclass(frozen=True, slots=True)
class TableSource:
    """Rows of a known schema as a stage wrote them: a Parquet file's, or those of all parts in a folder.

    One unit a row group.
    """

    path: str
    schema: pa.Schema

    @property
    def columns(self) -> pa.Schema:
        return pa.schema([])

    def identity(self) -> dict[str, Any]:
        return {"table": self.schema.names}

    ids_may_repeat = True

    def units(self, _: Remembered | None = None) -> list[Unit]:
        return list(self.each_unit())

    def each_unit(self, _: Remembered | None = None) -> Iterator[Unit]:
        filesystem, path = resolve(self.path)
        found = filesystem.get_file_info(path)
        if found.type == pafs.FileType.Directory:
            _, parts = files.find(below(self.path, "*.parquet"))
        elif found.type == pafs.FileType.File:
            parts = [files.File(path, path.rsplit("/", 1)[-1], "parquet", found.size or 0)]
        else:
            raise AtlasError(f"{self.path}: no such file")
        for part in parts:
            yield from self._units_of(filesystem, part)

    def _units_of(self, filesystem: pafs.FileSystem, file: files.File) -> Iterator[Unit]:
        present = formats.parquet_file(filesystem, file.path).schema_arrow
        missing = [name for name in self.schema.names if name not in present.names]
        if missing:
            raise AtlasError(f"{file.path}: lacks the columns {', '.join(missing)}; is it the table you meant?")
        return formats.plan_parquet(filesystem, file, unit_bytes=1)

    def read(self, unit: Unit) -> Iterator[rows.Batch]:
        filesystem, _ = resolve(self.path)
        file = formats.parquet_file(filesystem, unit.path)
        first = sum(file.metadata.row_group(g).num_rows for g in range(unit.start))
        table = file.read_row_groups(list(range(unit.start, unit.stop)), columns=self.schema.names)
        for batch in table.cast(self.schema).combine_chunks().to_batches():
            yield rows.Batch(batch, list(range(first, first + batch.num_rows)))
            first += batch.num_rows
