"""Open a corpus and read windows from it: what a trainer calls."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.reader.block import Corpus
from atlas.reader.encode import Encoder
from atlas.reader.labels import LabelFilter, label_filter
from atlas.reader.order import Kind, Order
from atlas.reader.parquet import CACHE_BYTES, ParquetCorpus
from atlas.reader.sampling import sampling
from atlas.reader.segments import Split, of_split, whole
from atlas.reader.stream import Stream
from atlas.reader.stream_layout import HEADER
from atlas.reader.windows import Plan, Windows

POOL_TOKENS = 16 << 20  # tokens that are shuffled together in the order "blocks"


def open_corpus(
    url: str | Path,
    *,
    tokenizer: Any = None,
    end_of_chunk: int | None = None,
    end_of_document: int | None = None,
    verify: bool = False,
    cache_bytes: int = CACHE_BYTES,
) -> Corpus:
    """A token stream, or an annotated run (or a folder of its parts).

    Args:
        tokenizer: that the tokens must be of; a run with texts is encoded by it. Of a stream it is checked alone.
        end_of_chunk, end_of_document: token ids put after each chunk and document. A stream has them from its export:
            named here, they are checked.
        verify: read every byte of a stream and check its checksums.
        cache_bytes: memory for decoded row groups of a run.

    Raises:
        AtlasError: there is neither, it is damaged or not whole, or does not go with these.
    """
    if not (Path(url) / HEADER).is_file() and not (Path(url) / "shards").is_dir():
        return ParquetCorpus(
            url,
            tokenizer=tokenizer,
            end_of_chunk=end_of_chunk,
            end_of_document=end_of_document,
            cache_bytes=cache_bytes,
        )
    stream = Stream(url, verify=verify)
    if tokenizer is not None and (name := Encoder(tokenizer).name) != stream.tokenizer:
        raise AtlasError(
            f"{url}: holds tokens of {stream.tokenizer}, not of {name}; export it again with --tokenizer, or use that"
        )
    for name, asked, there in (
        ("end_of_chunk", end_of_chunk, stream.end_of_chunk),
        ("end_of_document", end_of_document, stream.end_of_document),
    ):
        if asked is not None and asked != there:
            flag = "--" + name.replace("_", "-")
            raise AtlasError(
                f"{url}: was written with {name} {there}, not {asked}; export it again with {flag} {asked}"
            )
    return stream


def read_windows(
    corpus: Corpus | str | Path,
    length: int,
    *,
    concepts_per_token: int = 16,
    order: Kind | None = None,
    seed: int = 0,
    rank: int = 0,
    world: int = 1,
    even: bool = True,
    split: Split | None = None,
    validation: float = 0.01,
    split_seed: int = 0,
    library: Any = None,
    concepts: Iterable[int] | None = None,
    min_score: float = 0.0,
    dense: bool = False,
    weights: Mapping[int, float] | None = None,
    default_weight: float = 1.0,
    last: Literal["drop", "pad"] = "drop",
    pad_token: int | None = None,
    pool_tokens: int = POOL_TOKENS,
    **opening: Any,
) -> Windows:
    """Windows of a corpus, cut without gap or overlap from its documents put end to end.

    Args:
        corpus: from ``open_corpus``, or what it takes; ``opening`` are its settings.
        length: tokens of a window.
        concepts_per_token: K, the concepts that a token has at most, best first.
        order: ``shuffle``: each window from anywhere in the corpus, without replacement; ``blocks``: neighbouring
            windows in blocks of about a row group, blocks drawn from anywhere and shuffled ``pool_tokens`` together;
            ``sequential``. Default: ``shuffle`` for a token stream, ``blocks`` for Parquet.
        seed: of the order; each epoch has another.
        rank, world: the share of the windows that is this process's.
        even: every rank gets as many windows.
        split: ``train`` or ``validation``, by document; near-duplicates are in the same.
        validation: share of groups of documents in ``validation``.
        split_seed: another one makes another split.
        library, concepts, min_score, dense: which labels are kept, as of ``labels.label_filter``.
        weights: how often a window with a concept is read in an epoch; ``default_weight``: one with none of them.
        last: what is done with the tokens at the end that fill no window.
        pad_token: what fills it up with ``last="pad"``.

    Raises:
        AtlasError: wrong settings; a corpus shorter than a window; as of ``open_corpus``.
    """
    if not hasattr(corpus, "block_tokens"):
        corpus = open_corpus(corpus, **opening)  # type: ignore[arg-type]
    elif opening:
        raise AtlasError(f"{', '.join(opening)}: give it to open_corpus, where the corpus was opened")
    assert not isinstance(corpus, str | Path)
    if length < 1 or concepts_per_token < 1:
        raise AtlasError(f"length {length} and concepts_per_token {concepts_per_token} must be at least 1")
    if last not in ("drop", "pad") or (last == "pad") == (pad_token is None):
        raise AtlasError('last: is "drop", or "pad" together with a pad_token')
    segments = whole(corpus) if split is None else of_split(corpus, split, validation, split_seed)
    windows = segments.tokens // length if last == "drop" else -(-segments.tokens // length)
    if not windows:
        kept = f"split {split}" if split else "the corpus"
        raise AtlasError(
            f"{corpus.url}: a window of {length:,} tokens is longer than {kept} ({segments.tokens:,} tokens); "
            'take a shorter one, or last="pad"'
        )
    keep = label_filter(library, concepts, min_score, dense)
    _check_greatest(corpus, keep)
    kind = order or ("shuffle" if corpus.random_access else "blocks")
    block = max(1, min(windows, round(segments.tokens / len(segments.block) / length)))
    drawn = Order(kind, seed, block, max(1, pool_tokens // (block * length)))
    sampled = None
    if weights is not None:
        sampled = sampling(corpus, segments, length, windows, keep, weights, default_weight, seed)
    settings: dict[str, Any] = {
        "length": length,
        "order": kind,
        "seed": seed,
        "split": None if split is None else [split, validation, split_seed],
        "labels": keep.digest,
        "concepts_per_token": concepts_per_token,
        "weights": None if weights is None else of_json([sorted(weights.items()), default_weight]),
        "last": [last, pad_token],
    }
    if kind == "blocks":
        settings["blocks"] = [drawn.block, drawn.pool]
    return Windows(
        corpus,
        segments,
        Plan(length, windows, drawn, sampled),
        keep,
        settings,
        concepts_per_token=concepts_per_token,
        pad_token=pad_token or 0,
        rank=rank,
        world=world,
        even=even,
    )


def _check_greatest(corpus: Corpus, keep: LabelFilter) -> None:
    """Refuse a library that is too small before the first window, where the corpus says how far its ids go."""
    if isinstance(corpus, Stream) and keep.translation is not None and keep.closed:
        greatest, last = corpus.header["greatest_concept_id"], int(keep.translation.ids[-1])
        if greatest > last:
            raise AtlasError(
                f"{corpus.url}: holds concept id {greatest}, beyond the library given, which ends at {last}; "
                "give the library that the corpus was annotated with, or a later state of it"
            )
