"""Cut a text into chunks that partition it exactly."""

import codecs
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from atlas.chunking.config import ChunkConfig
from atlas.chunking.offsets import spans
from atlas.chunking.pack import pack
from atlas.chunking.sentences import cut_before
from atlas.chunking.structure import Cut, Strength, cuts, first_kind, looks_like_code
from atlas.chunking.tokenizer import Tokenizer

BLOCK_CHARS = 1 << 16  # a document is cut in blocks of about this size, so that memory does not follow its length
WINDOW_CHARS = 1 << 22  # of a very long document; holds many blocks
RUN_CHARS = 1 << 13  # a run without white space is encoded in pieces of this size: BPE slows down on longer ones

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """``tokens`` are the ids of the chunk encoded alone, int32 [token_count]."""

    start: int
    end: int
    kind: str
    status: str
    tokens: np.ndarray


def chunk_text(text: str, config: ChunkConfig, tokenizer: Tokenizer) -> Iterator[Chunk]:
    """The chunks of ``text`` in order: contiguous, without gap or overlap, each at most ``max_tokens`` long.

    Status is ``ok``; ``long`` for a piece of a sentence or line that is longer than the maximum; ``empty``
    where there is nothing to read (such a text has one chunk, or more where it alone exceeds the maximum).

    Raises:
        ValueError: the text holds lone surrogates, so that it is no Unicode text.
    """
    if not text or text.isspace():  # strip() would copy it
        yield from _empty(text, config, tokenizer)
        return
    if not text.isascii():
        _refuse_surrogates(text)
    code = looks_like_code(text)
    for start, end in _blocks(text):
        yield from _chunk_block(text, start, end, code, config, tokenizer)


def chunk_utf8(raw: memoryview, config: ChunkConfig, tokenizer: Tokenizer) -> Iterator[tuple[Chunk, str]]:
    """The chunks of ``chunk_text``, each with its text, of a document that is too long to be decoded whole.

    A string of it would take up to four bytes a character; here no more than WINDOW_CHARS are decoded at a time.

    Args:
        raw: the document in UTF-8, bytes.
    """
    windows = _windows(raw)
    base, window, start, last = next(windows)
    if window.isspace():
        text = str(raw, "utf-8")
        yield from ((chunk, text[chunk.start : chunk.end]) for chunk in chunk_text(text, config, tokenizer))
        return
    code = looks_like_code(window)
    while True:
        for begin, end in _blocks(window, start):
            start = begin
            if not last and len(window) - begin < 3 * BLOCK_CHARS:
                break  # cut when what follows is there too
            for chunk in _chunk_block(window, begin, end, code, config, tokenizer):
                yield replace(chunk, start=base + chunk.start, end=base + chunk.end), window[chunk.start : chunk.end]
        if last:
            return
        base, window, start, last = windows.send(start)


def _windows(raw: memoryview) -> Generator[tuple[int, str, int, bool], int, None]:
    """Overlapping windows of a text: code points before it, the window, where to go on in it, whether it is the last.

    Is sent where the one before was left; from BLOCK_CHARS before that on, the next one holds the same text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    base, window, start = 0, "", 0
    step = WINDOW_CHARS
    for at in range(0, max(1, len(raw)), step):
        window += decoder.decode(raw[at : at + step], final=at + step >= len(raw))
        start = yield base, window, start, at + step >= len(raw)
        dropped = max(0, start - BLOCK_CHARS)
        base, window, start = base + dropped, window[dropped:], start - dropped


def _empty(text: str, config: ChunkConfig, tokenizer: Tokenizer) -> Iterator[Chunk]:
    if len(text) <= RUN_CHARS:
        tokens = tokenizer.encode(text)
        if len(tokens) <= config.max_tokens:
            yield Chunk(0, len(text), "prose", "empty", tokens)
            return
    for start, end in _blocks(text):
        for chunk in _chunk_block(text, start, end, False, config, tokenizer):
            yield replace(chunk, status="empty")


def _refuse_surrogates(text: str) -> None:
    start = 0
    try:
        for start in range(0, len(text), BLOCK_CHARS):
            text[start : start + BLOCK_CHARS].encode()
    except UnicodeEncodeError as error:
        at = start + error.start
        raise ValueError(
            f"lone surrogate at character {at}: not Unicode text; decode the file with errors='replace'"
        ) from None


def _blocks(text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Cut a text, from ``start``, in blocks of at most about BLOCK_CHARS, at the best place near the end of each."""
    while len(text) - start > BLOCK_CHARS * 5 // 4:
        lowest, highest = start + BLOCK_CHARS // 2, start + BLOCK_CHARS
        end = _last_break(text, lowest, highest)
        if len(text) - end <= BLOCK_CHARS and not text[end:].strip():
            break  # short white space at the end is no block of its own
        yield start, end
        start = end
    yield start, len(text)


def _last_break(text: str, lowest: int, highest: int) -> int:
    for mark in ("\n\n", "\n"):
        at = text.rfind(mark, lowest, highest)
        if at >= 0:
            at += len(mark)
            run = _SPACE.match(text, at, highest)
            newline = text.rfind("\n", at, run.end()) if run else -1
            return at if newline < 0 else newline + 1
    at = text.rfind(" ", lowest, highest)
    while at > lowest and text[at - 1].isspace():
        at -= 1
    return at if at > lowest else highest


def _chunk_block(
    text: str, start: int, end: int, code: bool, config: ChunkConfig, tokenizer: Tokenizer
) -> Iterator[Chunk]:
    measure = _Measure(text, start, end, tokenizer)
    head = Cut(start, Strength.SECTION, first_kind(text, start, end, code))
    atoms = _split_long(text, [head, *cuts(text, start, end, code)], end, config.max_tokens, measure)
    edges = [*(cut.position for cut in atoms), end]
    sizes = measure.counts(edges)
    borders = pack(sizes, [cut.strength for cut in atoms[1:]], config.target_tokens, config.max_tokens)
    for first, stop in zip([0, *borders], [*borders, len(atoms)], strict=True):
        forced = atoms[first].strength is Strength.FORCED or (
            stop < len(atoms) and atoms[stop].strength is Strength.FORCED
        )
        kind = _main_kind(atoms[first:stop], sizes[first:stop])
        yield from _whole(edges[first], edges[stop], kind, "long" if forced else "ok", config, measure)


def _main_kind(members: list[Cut], sizes: list[int]) -> str:
    weights: dict[str, int] = {}
    for cut, size in zip(members, sizes, strict=True):
        weights[cut.kind] = weights.get(cut.kind, 0) + size
    return max(weights, key=lambda kind: weights[kind])


def _whole(start: int, end: int, kind: str, status: str, config: ChunkConfig, measure: "_Measure") -> Iterator[Chunk]:
    """One chunk; two halves where its exact count is above the maximum after all (unclean cuts only)."""
    tokens = measure.tokens(start, end)
    if len(tokens) <= config.max_tokens or end - start < 2:
        yield Chunk(start, end, kind, status, tokens)
        return
    middle = (start + end) // 2
    yield from _whole(start, middle, kind, "long", config, measure)
    yield from _whole(middle, end, kind, "long", config, measure)


def _split_long(text: str, found: list[Cut], end: int, maximum: int, measure: "_Measure") -> list[Cut]:
    """The cuts, with forced ones added inside atoms that are longer than the maximum."""
    edges = [*(cut.position for cut in found), end]
    sizes = measure.counts(edges)
    if max(sizes) <= maximum:
        return found
    atoms: list[Cut] = []
    for cut, stop, size in zip(found, edges[1:], sizes, strict=True):
        atoms.append(cut)
        if size > maximum:
            forced = _forced_cuts(text, cut.position, stop, maximum, measure)
            atoms.extend(Cut(position, Strength.FORCED, cut.kind) for position in forced)
    return atoms


def _forced_cuts(text: str, start: int, end: int, maximum: int, measure: "_Measure") -> Iterator[int]:
    """Positions that leave pieces of at most seven eighths of the maximum, at white space where there is some."""
    limit = maximum * 7 // 8  # an unclean cut may add a token or two to the pieces on both sides
    while measure.count(start, end) > maximum and end - start > 1:
        at = min(measure.position(start, limit), end - 1)
        middle = start + (at - start) // 2
        run = space = max(text.rfind(" ", start + 1, at + 1), text.rfind("\n", start + 1, at))
        while run > middle and text[run - 1].isspace():
            run -= 1
        if space > middle:
            cut = cut_before(text, run, space + 1)
            at = cut if cut > middle else at  # white space that fills half of the piece is cut like any text
        yield at
        start = at


def is_clean(text: str, position: int, end: int) -> bool:
    """Whether a byte-level pre-token ends at a position whatever is cut off on either side.

    True between a non-space and a space, and behind the last newline of a run of white space that does not
    reach ``end``. See ``Tokenizer.splits_at_whitespace``.
    """
    before, after = text[position - 1], text[position]
    if before != "\n":
        return after == " " and not before.isspace()
    run = _SPACE.match(text, position, end)
    return run is None or (run.end() < end and "\n" not in run[0] and "\r" not in run[0])


class _Measure:
    """Token counts and ids of spans of one block, from encoding the block once where that is exact."""

    def __init__(self, text: str, start: int, end: int, tokenizer: Tokenizer) -> None:
        self._text, self._start, self._end, self._tokenizer = text, start, end, tokenizer
        edges = _run_edges(text, start, end)
        pieces = [tokenizer.encode(text[a:b]) for a, b in pairwise(edges)]
        self._ids = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        self._unclean_edges = [edge for edge in edges[1:-1] if not is_clean(text, edge, end)]
        self._exact = tokenizer.splits_at_whitespace
        if self._exact:
            _, self._ends = spans(text[start:end], self._ids, tokenizer)  # code points up to each token's end
        else:
            even = np.linspace(0, end - start, len(self._ids) + 1)[1:]
            self._ends = even.astype(np.int64)  # as if all tokens were of one length

    def _tokens_before(self, position: int) -> int:
        return int(np.searchsorted(self._ends, position - self._start, side="right"))

    def counts(self, edges: list[int]) -> list[int]:
        """Tokens between neighbouring edges: exact at clean cuts, else within a token or two."""
        before = np.searchsorted(self._ends, np.asarray(edges) - self._start, side="right")
        return np.maximum(np.diff(before), 1).tolist()

    def count(self, start: int, end: int) -> int:
        return max(1, self._tokens_before(end) - self._tokens_before(start))

    def position(self, start: int, tokens: int) -> int:
        """Code point behind about that many tokens from ``start``, at least one code point on."""
        last = min(self._tokens_before(start) + tokens, len(self._ends)) - 1
        return max(start + 1, self._start + int(self._ends[last]))

    def tokens(self, start: int, end: int) -> np.ndarray:
        """Ids of the span encoded alone: sliced from the block's where that is the same."""
        torn = any(start < edge < end for edge in self._unclean_edges)
        if self._exact and not torn and self._clean(start) and self._clean(end):
            return self._ids[self._tokens_before(start) : self._tokens_before(end)]
        return self._tokenizer.encode(self._text[start:end])

    def _clean(self, position: int) -> bool:
        return position in (self._start, self._end) or is_clean(self._text, position, self._end)


def _run_edges(text: str, start: int, end: int) -> list[int]:
    """Cut a block where needed to keep endless runs of non-space from the tokenizer."""
    edges = [start]
    while end - edges[-1] > RUN_CHARS:
        edges.append(_last_break(text, edges[-1] + 1, edges[-1] + RUN_CHARS))
    return [*edges, end]
