"""A column chunk of lists taken apart into pages, and put together again with other ids or without some values.

For what Atlas writes itself: pages of version 1, zstd, numbers plain or by dictionary. All else is ``Unusual``. Source:
https://github.com/apache/parquet-format (README.md, Encodings.md, src/main/thrift/parquet.thrift)
"""

import zlib
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from atlas.products.remap.kernels import ENDED, pack, thin_levels, unpack
from atlas.products.remap.thrift import I32, I64, STRUCT, Struct, read_struct, write_struct

CODEC = pa.Codec("zstd")
MAGIC = b"PAR1"  # in front of the pages, so that none begins at 0, which means "none" in a footer

# Values of parquet.thrift.
ZSTD, DATA, DICTIONARY, PLAIN, RLE, BY_DICTIONARY = 6, 0, 2, 0, 3, (2, 8)
DTYPES: dict[int, np.dtype] = {1: np.dtype("<i4"), 4: np.dtype("<f4"), 5: np.dtype("<f8")}

# Field ids of parquet.thrift.
_KIND, _RAW, _PACKED, _CRC, _DATA_HEADER = 1, 2, 3, 4, 5  # PageHeader
_NUMBER, _ENCODING, _DEFINITION, _REPETITION, _PAGE_STATISTICS = 1, 2, 3, 4, 5  # DataPageHeader
_META = 3  # ColumnChunk
_TYPE, _CODEC, _ENTRIES, _UNCOMPRESSED, _COMPRESSED, _DATA_AT, _DICTIONARY_AT = 1, 4, 5, 6, 7, 9, 11  # ColumnMetaData
_STATISTICS, _LEVEL_SIZES = 12, 16  # ColumnMetaData
_NULLS, _LARGEST, _SMALLEST, _EXACT = 3, (1, 5), (2, 6), (7, 8)  # Statistics


class Unusual(Exception):
    """A column chunk that another writer laid out, in a way that isn't rewritten here."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it lies in the file: its header, and its body as it is compressed."""

    header: Struct
    body: memoryview | bytes

    @property
    def told(self) -> Struct:
        """The header of a data page."""
        return self.header[_DATA_HEADER][1]  # type: ignore[no-any-return]

    @property
    def plain(self) -> bool:
        return bool(self.told[_ENCODING][1] == PLAIN)

    def opened(self) -> np.ndarray:
        """The body, uint8.

        Raises:
            ValueError: it is not what was written.
        """
        if _CRC in self.header and zlib.crc32(self.body) != self.header[_CRC][1] & 0xFFFFFFFF:
            raise ValueError("a page's checksum does not fit")
        return np.frombuffer(CODEC.decompress(self.body, self.header[_RAW][1]), np.uint8)

    def holding(self, raw: bytes) -> "Page":
        """The page with another body."""
        body = CODEC.compress(raw, asbytes=True)
        header = self.header | {_RAW: (I32, len(raw)), _PACKED: (I32, len(body))}
        if _CRC in header:
            header[_CRC] = I32, int(np.uint32(zlib.crc32(body)).astype(np.int32))
        return Page(header, body)

    def telling(self, entries: int | None = None) -> "Page":
        """A data page with another number of entries, and without statistics, which might not hold any more."""
        told = {field: value for field, value in self.told.items() if field != _PAGE_STATISTICS}
        if entries is not None:
            told[_NUMBER] = I32, entries
        return replace(self, header=self.header | {_DATA_HEADER: (STRUCT, told)})


@dataclass(frozen=True, slots=True)
class Column:
    """A column chunk of lists.

    ``chunk``: its place in the footer. ``top``, ``empty``: definition levels of a value and of an empty list.
    ``first``: the page of the dictionary, where there is one; ``pages``: those of the data.
    """

    chunk: Struct
    top: int
    empty: int
    first: tuple[Page, ...]
    dictionary: np.ndarray | None
    pages: tuple[Page, ...]

    @property
    def by_dictionary(self) -> bool:
        """Whether all values are in the dictionary."""
        return self.dictionary is not None and not any(page.plain for page in self.pages)

    @property
    def dtype(self) -> np.dtype:
        return DTYPES[self.chunk[_META][1][_TYPE][1]]


@dataclass(frozen=True, slots=True)
class Content:
    """Levels of a column, uint8 [entries], and of each data page its entries and its values or their places."""

    repetition: np.ndarray
    definition: np.ndarray
    entries: tuple[int, ...]
    numbers: tuple[np.ndarray, ...]


def taken_apart(raw: bytes, chunk: Struct, top: int, empty: int) -> Column:
    """The pages of a column chunk.

    Raises:
        Unusual: not as Atlas writes it. ValueError, LookupError: damaged.
    """
    meta: Struct = chunk[_META][1]
    if meta[_CODEC][1] != ZSTD or meta[_TYPE][1] not in DTYPES:
        raise Unusual
    first: tuple[Page, ...] = ()
    dictionary, pages, at = None, [], 0
    whole = memoryview(raw)
    while at < len(whole):
        page, at = _page(whole, at)
        if page.header[_KIND][1] == DICTIONARY and not first:
            first, dictionary = (page,), page.opened().view(DTYPES[meta[_TYPE][1]])
        elif page.header[_KIND][1] == DATA and _is_usual(page.told):
            pages.append(page)
        else:
            raise Unusual
    return Column(chunk, top, empty, first, dictionary, tuple(pages))


def _page(raw: memoryview, at: int) -> tuple[Page, int]:
    header, begin = read_struct(raw, at)
    end = begin + header[_PACKED][1]
    if not begin <= end <= len(raw) or _RAW not in header:
        raise ValueError("a page's header can't be read")
    return Page(header, raw[begin:end]), end


def _is_usual(told: Struct) -> bool:
    levels = told[_DEFINITION][1], told[_REPETITION][1]
    return told[_NUMBER][1] > 0 and levels == (RLE, RLE) and told[_ENCODING][1] in (PLAIN, *BY_DICTIONARY)


def content(column: Column) -> Content:
    """Decode the data pages of a column.

    Raises:
        Unusual: there are nulls among the values. ValueError: damaged.
    """
    entries = tuple(page.told[_NUMBER][1] for page in column.pages)
    repetition, definition = np.empty((2, sum(entries)), np.uint8)
    numbers, start = [], 0
    for page, count in zip(column.pages, entries, strict=True):
        body, here = page.opened(), slice(start, start + count)
        for levels, width in ((repetition[here], 1), (definition[here], column.top.bit_length())):
            after = 4 + int.from_bytes(body[:4].tobytes(), "little")
            _unpack(body[:after], 4, width, levels)
            body = body[after:]
        found = int(np.count_nonzero(definition[here] == column.top))
        if found + np.count_nonzero(definition[here] <= column.empty) < count:
            raise Unusual
        numbers.append(_numbers(column, page, body, found))
        start += count
    return Content(repetition, definition, entries, tuple(numbers))


def _numbers(column: Column, page: Page, body: np.ndarray, count: int) -> np.ndarray:
    if page.plain:
        return np.frombuffer(body, column.dtype, count)
    places = np.empty(count, np.int32)
    if count:
        _unpack(body, 1, int(body[0]), places)
        if column.dictionary is None or places.max() >= len(column.dictionary):
            raise ValueError("a page points at numbers that its dictionary lacks")
    return places


def _unpack(data: np.ndarray, at: int, width: int, out: np.ndarray) -> None:
    if unpack(data, at, width, out) == ENDED:
        raise ValueError("a page ends before its numbers")


def values(column: Column, held: Content) -> np.ndarray:
    """All values of a column [values]."""
    pairs = zip(column.pages, held.numbers, strict=True)
    found = [part if page.plain else column.dictionary[part] for page, part in pairs]  # type: ignore[index]
    return np.concatenate([np.zeros(0, column.dtype), *found])


def with_dictionary(column: Column, dictionary: np.ndarray) -> Column:
    """The column with another dictionary, as long as its own; the data pages stay as they are."""
    first = tuple(page.holding(dictionary.tobytes()) for page in column.first)
    pages = tuple(page.telling() for page in column.pages)
    return replace(column, first=first, dictionary=dictionary, pages=pages)


@dataclass(frozen=True, slots=True)
class Thinning:
    """Which values and which entries of a column stay (bool [values], [entries]), and the levels of these entries."""

    kept: np.ndarray
    stays: np.ndarray
    repetition: np.ndarray
    definition: np.ndarray


def thin(column: Column, held: Content, kept: np.ndarray) -> Thinning:
    """A list that loses all its values is empty. ``kept``: bool [values]."""
    repetition, definition = held.repetition.copy(), held.definition.copy()
    stays = np.zeros(len(repetition), bool)
    thin_levels(repetition, definition, column.top, column.empty, kept, stays)
    return Thinning(kept, stays, repetition[stays], definition[stays])


def thinned(column: Column, held: Content, to: Thinning) -> Column:
    """The column without some of its values.

    Raises:
        Unusual: nothing would be left of a page.
    """
    pages, entry, value, out = [], 0, 0, 0
    for page, count, numbers in zip(column.pages, held.entries, held.numbers, strict=True):
        staying = int(np.count_nonzero(to.stays[entry : entry + count]))
        if not staying:
            raise Unusual
        repetition, definition = (levels[out : out + staying] for levels in (to.repetition, to.definition))
        kept = to.kept[value : value + len(numbers)]
        # A list over two pages may begin on the second, once it has lost its labels of the first.
        if not kept.all() or not np.array_equal(repetition, held.repetition[entry : entry + count]):
            levels = _levels(repetition, 1) + _levels(definition, column.top.bit_length())
            page = page.holding(levels + _body(column, page, numbers[kept])).telling(staying)
        pages.append(page)
        entry, value, out = entry + count, value + len(numbers), out + staying
    return replace(column, pages=tuple(pages))


def _levels(levels: np.ndarray, width: int) -> bytes:
    packed = pack(levels, width)
    return len(packed).to_bytes(4, "little") + packed.tobytes()


def _body(column: Column, page: Page, numbers: np.ndarray) -> bytes:
    if page.plain:
        return numbers.tobytes()
    width = max(1, (len(column.dictionary) - 1).bit_length())  # type: ignore[arg-type]
    return bytes([width]) + (pack(numbers, width).tobytes() if len(numbers) else b"")


def put_together(column: Column, left: int | None = None) -> tuple[bytes, Struct]:
    """Bytes that hold the column chunk, and its place in them, for a footer.

    Smallest and largest id are those of the dictionary; of scores they stay what they were: bounds, at least.

    Args:
        left: how many values there are, where that changed.
    """
    parts: list[bytes | memoryview] = [MAGIC]
    at, raw, places = len(MAGIC), 0, []
    for page in (*column.first, *column.pages):
        header = write_struct(page.header)
        places.append(at)
        parts += [header, page.body]
        at += len(header) + len(page.body)
        raw += len(header) + page.header[_RAW][1]
    entries = sum(page.told[_NUMBER][1] for page in column.pages)
    sizes = {_ENTRIES: entries, _UNCOMPRESSED: raw, _COMPRESSED: at - len(MAGIC), _DATA_AT: places[len(column.first)]}
    if column.first:
        sizes[_DICTIONARY_AT] = places[0]
    meta: Struct = column.chunk[_META][1] | {field: (I64, value) for field, value in sizes.items()}
    if left is not None:
        meta.pop(_LEVEL_SIZES, None)
    if _STATISTICS in meta:
        meta[_STATISTICS] = STRUCT, _statistics(column, meta[_STATISTICS][1], None if left is None else entries - left)
    return b"".join(parts), column.chunk | {_META: (STRUCT, meta)}


def _statistics(column: Column, told: Struct, nulls: int | None) -> Struct:
    new = {field: value for field, value in told.items() if field not in _EXACT}
    if column.by_dictionary and column.dtype.kind == "i":
        for fields, value in ((_LARGEST, column.dictionary.max()), (_SMALLEST, column.dictionary.min())):  # type: ignore[union-attr]
            new |= {field: (told[field][0], value.tobytes()) for field in fields if field in told}
    if nulls is not None and _NULLS in told:
        new[_NULLS] = I64, nulls
    return new
