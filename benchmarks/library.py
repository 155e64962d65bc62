"""How long a library of 33,000 concepts takes to load, save and lint, beside plain YAML parsers on the same files.

``wordnet``: nouns of WordNet 3.1 with their definitions as descriptions, one file per lexicographer class, as big as
the library of a public model (20 to 30 MB of YAML). ``words``: the same shape from a fixed list of words, where WordNet
is not there. Parsers that are not installed are left out; slow ones read the smallest files up to 1 MB, and their time
is scaled to the whole. ``cpu_s`` is the processor's time, which a busy machine changes little; ``ratio`` is of it.
"""

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

import yaml
from rows import Row, arguments, finish

from atlas.library import compiled, store
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.library.lint import lint_folder

WORDNET = "canonicalization/wordnet31_noun_synsets.jsonl.gz"
WORDS = (
    "tide neural harbour bread protein market engine river policy cell garden planet music trade court glass storm "
    "ferry bridge copper salt paper winter valley number signal language forest metal history energy water school"
).split()
SLOW_BYTES = 1 << 20
Seconds = tuple[float, float]  # on the clock, of the processor


def main() -> None:
    args = arguments(__doc__ or "", ("wordnet",), concepts=33_000)
    file = args.data / WORDNET
    texts = list(_wordnet(file)) if file.exists() else list(_words(args.concepts))
    library = made(texts[: args.concepts])
    name = f"{'wordnet' if file.exists() else 'words'}, {len(library.concepts):,} concepts"
    with tempfile.TemporaryDirectory() as folder:
        finish([{"benchmark": "library", "dataset": name, **row} for row in measured(library, Path(folder))], args.json)


def made(texts: list[tuple[str, str, list[str], str]]) -> Library:
    """A library of (name, description, aliases, class): with question, four members and three quotes each."""
    random = Random(0)
    concepts = []
    for number, (name, description, aliases, area) in enumerate(texts, 1):
        tags = list(dict.fromkeys([name.lower(), *aliases, f"{name} studies", f"modern {name}", f"{name} in practice"]))
        quotes = [f"Of {name}: {random.choice(texts)[1]}"[:200] for _ in range(3)]
        concepts.append(
            Concept(
                number,
                "content",
                name,
                description,
                question=f"Is the passage about {name}?",
                aliases=tuple(aliases),
                taxonomy=f"{area}/{area}{number % 90}",
                members={tag: random.randint(1, 999) for tag in tags[:4]},
                examples=tuple(
                    Example(quote, f"web:{random.getrandbits(32):08x}#{i}") for i, quote in enumerate(quotes)
                ),
                counts=Counts(random.randint(1, 4000), random.randint(1, 3000), random.randint(1, 2000)),
            )
        )
    return Library(tuple(concepts))


def measured(library: Library, folder: Path) -> Iterator[Row]:
    """Seconds of each of a library's ways to the disk and back."""
    first = _seconds(lambda: store.save(library, folder))
    files = sorted(folder.glob("*.yaml"))
    megabytes = sum(path.stat().st_size for path in files) / 1e6

    def cold() -> None:
        (folder / compiled.FOLDER / compiled.NAME).unlink(missing_ok=True)
        store.load(folder)

    def row(system: str, seconds: Seconds) -> Row:
        wall, cpu = seconds
        return {"system": system, "s": wall, "cpu_s": cpu, "mb_per_s": megabytes / wall, "ratio": cpu / cold_s[1]}

    middle = library.concepts[len(library.concepts) // 2]
    edited = [replace(c, description="Edited.") if c.id == middle.id else c for c in library.concepts]
    rebuilt = [replace(c, counts=replace(c.counts, chunks=c.counts.chunks + 1)) for c in edited]
    cold_s = sorted(_seconds(cold) for _ in range(3))[1]
    yield row("atlas load, YAML", cold_s)
    yield row("atlas load, compiled", sorted(_seconds(lambda: store.load(folder)) for _ in range(3))[1])
    for name, load in _parsers():
        yield row(name, _scaled(load, files))
    yield row("atlas save, new", first)
    yield row("atlas save, nothing changed", _seconds(lambda: store.save(library, folder)))
    yield row("atlas save, one concept changed", _seconds(lambda: store.save(Library(tuple(edited)), folder)))
    yield row("atlas save, all counts changed", _seconds(lambda: store.save(Library(tuple(rebuilt)), folder)))
    yield row("atlas lint", _seconds(lambda: lint_folder(folder)))


def _parsers() -> Iterator[tuple[str, Callable[[str], Any]]]:
    yield "pyyaml-csafe", lambda text: yaml.load(text, yaml.CSafeLoader)
    yield "pyyaml-safe", lambda text: yaml.load(text, yaml.SafeLoader)
    try:
        from ruamel.yaml import YAML
    except ImportError:
        return
    yield "ruamel.yaml round trip", YAML(typ="rt").load
    yield "ruamel.yaml safe", YAML(typ="safe").load


def _scaled(load: Callable[[str], Any], files: list[Path]) -> Seconds:
    """Time for all files, from as many of the smallest as it takes to have a fair part of them."""
    wall, cpu, done, whole = 0.0, 0.0, 0, sum(path.stat().st_size for path in files)
    for path in sorted(files, key=lambda path: path.stat().st_size):
        text = path.read_text(encoding="utf-8")
        more = _seconds(lambda text=text: load(text))  # type: ignore[misc]
        wall, cpu, done = wall + more[0], cpu + more[1], done + path.stat().st_size
        if done > SLOW_BYTES and cpu > 5:
            break
    return wall * whole / done, cpu * whole / done


def _seconds(work: Callable[[], Any]) -> Seconds:
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


def _wordnet(file: Path) -> Iterator[tuple[str, str, list[str], str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            noun = json.loads(line)
            if definition := noun["definition"].split("; ")[0].strip():
                yield noun["pref"], definition[0].upper() + definition[1:] + ".", noun["alts"][:3], f"noun{noun['lex']}"


def _words(count: int) -> Iterator[tuple[str, str, list[str], str]]:
    random = Random(1)
    for number in range(count):
        name = " ".join(random.choices(WORDS, k=2)) + f" {number}"
        yield name, f"Passages about {' '.join(random.choices(WORDS, k=12))}.", [], random.choice(WORDS)


if __name__ == "__main__":
    main()
