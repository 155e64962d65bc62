"""Ask a language model for the words of concepts, and put into the library what may stand there."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from atlas.canonical.config import WordsConfig
from atlas.canonical.describe import BESIDE_LIFT
from atlas.canonical.wording import Words, WordsPrompt, composed, read, worded, words_prompt
from atlas.digest import of_json
from atlas.library.compiled import FOLDER
from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form
from atlas.llm.base import Prompt
from atlas.llm.engines import KINDS, load
from atlas.models.identity import model_identity
from atlas.storage import write_text

ANSWERS = "words.jsonl"  # in the folder for what may be deleted at any time
BESIDE = 3  # neighbours that are named


@dataclass(frozen=True)
class Reworded:
    """The library with a model's words. ``dropped`` are new concepts that mean too many things.

    ``became`` counts what became of each answer: ``worded``, ``incoherent``, or why the composed words stayed.
    """

    library: Library
    dropped: tuple[Concept, ...]
    became: Counter[str]
    notes: dict[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether every question was answered; what failed is asked again when the library is next built."""
        return not self.became["failed"]

    def counted(self, funnel: Mapping[str, Any]) -> dict[str, Any]:
        """The funnel of a build after this: what was dropped is taken off, ``worded`` and ``kept`` come in."""
        forms = sum(len(concept.members) for concept in self.dropped)
        gone, written = len(self.dropped), self.became["worded"]
        return {
            **funnel,
            "clustered": funnel["clustered"] - forms,
            "dropped": funnel["dropped"] + forms,
            "incoherent": funnel["incoherent"] + gone,
            "concepts": funnel["concepts"] - gone,
            "new_concepts": funnel["new_concepts"] - gone,
            "worded": written,
            "kept": self.became.total() - written - gone,
        }


def identity(config: WordsConfig) -> dict[str, str]:
    """What the words depend on: how an engine is run is not among it."""
    engine = config.engine
    return {
        "engine": engine.kind,
        "model": engine.model,
        "model_digest": model_identity(engine.model),
        "prompt": words_prompt(config.prompt).digest,
    }


def reworded(
    library: Library,
    before: Collection[int],
    tags: pa.Table,
    config: WordsConfig,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Reworded:
    """Ask about the new concepts that are not locked, and about older ones that are still described by their tags.

    New concepts that the model calls incoherent are left out, and the ids behind them move up: nobody has seen them.
    What an answer lacks or has wrong stays as it was composed.

    Args:
        before: ids of the concepts that were there before the build; they stay, with their names.
        tags: schema TAGS.
        folder: the library's; answers are kept there, so that a second build asks nothing.

    Raises:
        AtlasError: the prompt is none, or no prompt can succeed (wrong address, wrong key, no model).
    """
    prompt = words_prompt(config.prompt)
    asked = [c for c in library.active if not c.locked and c.members and (c.id not in before or composed(c))]
    beside = neighbours(library, tags, {concept.id for concept in asked})
    found = _answers(prompt, [prompt.about(c, beside.get(c.id, ())) for c in asked], config, folder, say)
    said = {concept.id: words for concept, words in zip(asked, found, strict=True)}
    after, dropped, became = applied(library, before, said)
    notes = identity(config) | {"prompt_version": prompt.version, "asked": len(asked), "became": dict(+became)}
    return Reworded(after, dropped, became, notes)


def applied(
    library: Library, before: Collection[int], said: Mapping[int, Words]
) -> tuple[Library, tuple[Concept, ...], Counter[str]]:
    """The library with the words said of its concepts, by id; the new concepts left out; what became of the answers.

    A name is taken unless it means another concept already, be it as a tag; of two that get one name, the first has it.
    """
    gone = {id_ for id_, words in said.items() if not words.coherent and id_ not in before}
    owners: dict[tuple[str, str], set[int]] = defaultdict(set)
    for concept in library.concepts:
        if concept.id not in gone:
            for name in concept.names():
                owners[concept.facet, normal_form(name)].add(concept.id)
    became = Counter({"incoherent": len(gone)})
    concepts, next_id = [], min((c.id for c in library.concepts if c.id not in before), default=1)
    for concept in library.concepts:
        is_new, words = concept.id not in before, said.get(concept.id)
        if concept.id in gone:
            continue
        if words is not None and (words.refused or not words.coherent):
            became[words.refused or "incoherent, but there before"] += 1
        elif words is not None:
            became["worded"] += 1
            owner = owners[concept.facet, normal_form(words.name)]
            words = replace(words, name="") if owner - {concept.id} else words
            owner.add(concept.id)
            concept = worded(concept, words, is_new=is_new)
        concepts.append(replace(concept, id=next_id) if is_new else concept)
        next_id += is_new
    dropped = tuple(concept for concept in library.concepts if concept.id in gone)
    return replace(library, concepts=tuple(concepts)), dropped, became


def neighbours(library: Library, tags: pa.Table, ids: Collection[int]) -> dict[int, list[str]]:
    """For topics with these ids: those on their chunks at least twice as often as elsewhere, by most frequent tag."""
    topics = [concept for concept in library.active if concept.facet == "content" and concept.members]
    number = {concept.id: at for at, concept in enumerate(topics)}
    wanted = [number[concept.id] for concept in topics if concept.id in ids]
    if not wanted or not tags.num_rows:
        return {}
    column = tags.column("content").combine_chunks()
    encoded = pc.list_flatten(column).dictionary_encode()
    linked = [library.link("content", tag) if tag else None for tag in encoded.dictionary.to_pylist()]
    at = np.array([number.get(id_, -1) if id_ is not None else -1 for id_ in linked], np.int64)
    columns = at[encoded.indices.to_numpy(zero_copy_only=False)]
    rows = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)[columns >= 0]
    columns = columns[columns >= 0]
    on = sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=(tags.num_rows, len(topics)))
    on.data[:] = 1
    chunks = on.sum(axis=0)
    together = (on[:, wanted].T @ on).tocsr()
    names = [min(concept.members, key=lambda tag: (-concept.members[tag], tag)) for concept in topics]
    found = {}
    for row, one in enumerate(wanted):
        others = together.indices[together.indptr[row] : together.indptr[row + 1]]
        counts = together.data[together.indptr[row] : together.indptr[row + 1]]
        lifted = (counts >= 2) & (counts * tags.num_rows >= BESIDE_LIFT * chunks[one] * chunks[others])
        pairs = sorted((-n, names[o]) for n, o in zip(counts[lifted], others[lifted], strict=True) if o != one)
        found[topics[one].id] = [name for _, name in pairs[:BESIDE]]
    return found


def _answers(
    prompt: WordsPrompt, prompts: Sequence[Prompt], config: WordsConfig, folder: Path, say: Callable[[str], None]
) -> list[Words]:
    """What the model says to each prompt; failures are asked again in the next build, all else is kept."""
    path = folder / FOLDER / ANSWERS
    known = _kept(path)
    who = [identity(config), repr(prompt.sampling)]
    keys = [of_json([*who, asked.static, asked.text]) for asked in prompts]
    new = {key: asked for key, asked in zip(keys, prompts, strict=True) if key not in known}
    if new:
        say(f"asking {config.engine.model} for the words of {len(new):,} concepts")
        engine = load(config.engine)
        try:
            step = KINDS[config.engine.kind].unit_chunks  # what a kill costs at most
            for start in range(0, len(new), step):
                block = dict(list(new.items())[start : start + step])
                done = engine.complete(list(block.values()), prompt.sampling)
                known |= {k: c.text for k, c in zip(block, done, strict=True) if c.finish != "error"}
                _keep(path, known)
        finally:
            engine.close()
    return [read(known[key]) if key in known else Words(refused="failed") for key in keys]


def _kept(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                found[str(entry["key"])] = str(entry["answer"])
            except (ValueError, TypeError, KeyError):  # a damaged line is asked again
                continue
    return found


def _keep(path: Path, answers: Mapping[str, str]) -> None:
    write_text(path.parent / ".gitignore", "*\n")
    lines = (json.dumps({"key": key, "answer": answer}) for key, answer in answers.items())
    write_text(path, "".join(f"{line}\n" for line in lines))
