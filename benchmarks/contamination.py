"""Are a benchmark's items found that were planted in a corpus: as they are, set otherwise, or edited?

Items are passages of 60 words of textbook sections (``openstax``), 100 of each kind; each but the clean ones is put
into a web document of its own (``webdocs``), between two words. Kinds: ``verbatim``; ``reset`` (capitals, line breaks,
punctuation dropped); ``1 in 20``, ``1 in 10`` and ``1 in 5`` (so many words replaced by another of the corpus);
``shuffled`` (pieces of 10 words in another order); ``clean`` (in no document). The corpus is then annotated and asked.

For each system the share of each kind that it reports; of ``clean`` lower is better, of others higher. By concepts an
item counts as found if its document is the nearest one (``@1``) or among the nearest three; there is no threshold, so
``clean`` is not told. Baselines: ``exact`` (the text as it is) and ``50-characters`` (three substrings of 50
characters, letters and digits alone: GPT-4 technical report, appendix C).
"""

import argparse
import json
import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pyarrow.parquet as pq
from rows import Row, finish

from atlas import verbs
from atlas.corpus.config import CorpusConfig
from atlas.products.query.contamination import MOSTLY

KINDS = ("verbatim", "reset", "1 in 20", "1 in 10", "1 in 5", "shuffled", "clean")
EACH, WORDS, PIECE = 100, 60, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--model", type=Path, required=True, help="a trained annotator")
    parser.add_argument("--library", type=Path, help="its library, where it is not beside it")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    library = options.library or options.model.parent / "library"
    with tempfile.TemporaryDirectory() as folder:
        finish(measured(options.data, options.model, library, Path(folder)), options.json)


def measured(data: Path, model: Path, library: Path, folder: Path) -> list[Row]:
    rng = random.Random(0)
    sections = [row["text"] for row in pq.read_table(data / "openstax" / "open.parquet").to_pylist()]
    documents = [row["text"] for row in pq.read_table(data / "webdocs" / "open.parquet").to_pylist()]
    rng.shuffle(documents)
    rng.shuffle(sections)
    half = len(sections) // 2  # clean items are of other sections, so that they don't overlap with planted ones
    items = {
        f"{kind}/{number}": passage(rng, sections[:half] if kind == "clean" else sections[half:])
        for kind in KINDS
        for number in range(EACH)
    }
    home = plant(rng, items, documents)
    write(folder / "corpus.jsonl", {str(number): text for number, text in enumerate(documents)})
    write(folder / "items.jsonl", {name: " ".join(words) for name, words in items.items()})
    verbs.annotate(CorpusConfig(path=str(folder / "corpus.jsonl"), id="id"), model, folder / "run")
    rows = []
    for ngram in (13, 8, 5):
        start = perf_counter()
        found, near = verbs.contamination(
            folder / "run",
            str(folder / "items.jsonl"),
            id_="id",
            ngram=ngram,
            model=model if ngram == 13 else None,
            library=library,
        )
        told = {match.item for match in found.matches}
        seconds = perf_counter() - start
        rows.append(row(f"atlas, {ngram}-grams", told.__contains__, seconds if near is None else None))
        mostly = {match.item for match in found.matches if match.covered >= MOSTLY}
        rows.append(row(f"atlas, {ngram}-grams, 80 % of the words", mostly.__contains__))
        if near is not None:
            for most in (1, 3):
                right = {each.item for each in near if home.get(each.item) in [d for d, _ in each.documents[:most]]}
                rows.append(row(f"atlas, by concepts, @{most}", right.__contains__))
    whole = "\0".join(documents)
    rows.append(row("baseline-exact", lambda name: " ".join(items[name]) in whole))
    dense = letters(whole)
    rows.append(row("baseline-50-characters", lambda name: sampled(rng, letters(" ".join(items[name])), dense)))
    return rows


def passage(rng: random.Random, texts: list[str]) -> list[str]:
    while True:
        words = rng.choice(texts).split()
        if len(words) > WORDS:
            start = rng.randrange(len(words) - WORDS)
            return words[start : start + WORDS]


def plant(rng: random.Random, items: dict[str, list[str]], documents: list[str]) -> dict[str, str]:
    """Put items into documents, each into its own; returns which."""
    vocabulary = [word for text in documents[:200] for word in text.split() if word.isalpha()]
    home = {}
    for number, (name, words) in enumerate(items.items()):
        kind = name.split("/")[0]
        if kind == "clean":
            continue
        spaces = [found.start() for found in re.finditer(" ", documents[number])] or [0]
        at = rng.choice(spaces)
        documents[number] = f"{documents[number][:at]} {edited(rng, kind, words, vocabulary)}{documents[number][at:]}"
        home[name] = str(number)
    return home


def edited(rng: random.Random, kind: str, words: list[str], vocabulary: list[str]) -> str:
    if kind == "reset":
        lines = [" ".join(words[start : start + 9]) for start in range(0, len(words), 9)]
        return re.sub(r"[,.;:]", "", "\n".join(lines)).upper()
    if kind == "shuffled":
        pieces = [words[start : start + PIECE] for start in range(0, len(words), PIECE)]
        rng.shuffle(pieces)
        return " ".join(word for piece in pieces for word in piece)
    if kind.startswith("1 in"):
        replaced = set(rng.sample(range(len(words)), len(words) // int(kind.split()[-1])))
        return " ".join(rng.choice(vocabulary) if place in replaced else word for place, word in enumerate(words))
    return " ".join(words)


def write(path: Path, texts: dict[str, str]) -> None:
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))


def letters(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9\0]", "", text)


def sampled(rng: random.Random, item: str, corpus: str) -> bool:
    starts = [rng.randrange(max(1, len(item) - 50)) for _ in range(3)]
    return any(item[start : start + 50] in corpus for start in starts)


def row(system: str, found: Callable[[str], bool], seconds: float | None = None) -> Row:
    shares = {kind: sum(found(f"{kind}/{n}") for n in range(EACH)) / EACH for kind in KINDS}
    if "concepts" in system:
        del shares["clean"]
    taken = {} if seconds is None else {"s": seconds}
    return {
        "benchmark": "contamination",
        "dataset": "webdocs with planted openstax",
        "system": system,
        **shares,
        **taken,
    }


if __name__ == "__main__":
    main()
