"""The items of a benchmark: from whatever a corpus can be read from."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.errors import AtlasError


@dataclass(frozen=True, slots=True)
class Items:
    """A benchmark in memory: ``ids`` and ``texts``, string arrays; ``refused`` rows were no documents."""

    ids: pa.Array
    texts: pa.Array
    refused: int

    def __len__(self) -> int:
        return len(self.ids)


def read(path: str, text: Sequence[str] = ("text",), id_: str | None = None) -> Items:
    """Read a benchmark: Parquet, JSON Lines, text files, a saved dataset or ``hf:NAME``.

    Args:
        text: columns that are an item's text, put one behind the other.

    Raises:
        AtlasError: it is not there, has no such column, or no item.
    """
    config = CorpusConfig(path=path, id=id_, text=text[0], carry=tuple(text[1:]))
    source = DocumentSource(config)
    ids: list[str] = []
    texts: list[str] = []
    refused = 0
    for unit in source.units():
        for batch in source.read(unit):
            refused += len(batch.rejects)
            columns = [batch.documents.column(name).to_pylist() for name in ("text", *text[1:])]
            ids += batch.documents.column("doc_id").to_pylist()
            texts += ["\n".join(part for part in row if part) for row in zip(*columns, strict=True)]
    if not ids:
        raise AtlasError(f"{path}: no row of it is an item; --text names the column with the text")
    return Items(pa.array(ids, pa.string()), pa.array(texts, pa.large_string()), refused)
