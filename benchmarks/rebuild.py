"""Do concepts keep their ids and their tags when the tags double?

``python benchmarks/rebuild.py --data TAG_RUN`` builds a library from every other document of a tag run, then brings it
up to date with all. ``baseline-from-scratch`` builds anew each time and matches concepts by the tags they share most.
``ids_kept``: share of the first library's concepts that are active, under the same id and name, in the second;
``tags_kept``: share of the first library's tags that mean the concept of the same id in the second. ``precision`` and
``recall`` compare the second library's grouping of tags with the one built from scratch.
"""

from time import perf_counter

import numpy as np
import pyarrow as pa
from partition_metrics import agreement
from rows import Row, arguments, finish

from atlas.canonical.build import build
from atlas.canonical.config import CanonicalizeConfig
from atlas.digest import of_json
from atlas.library.concept import Library
from atlas.library.names import normal_form
from atlas.models.encoder import encoder, remembering
from atlas.verbs import read_tags

Owners = dict[tuple[str, str], int]


def owners(library: Library) -> Owners:
    """The concept id of every (facet, normal form) that is a member of one."""
    return {(c.facet, normal_form(member)): c.id for c in library.active for member in c.members}


def kept(before: Library, after: Library, same_id: dict[int, int]) -> dict[str, float]:
    """Shares of concepts and tags that are as they were; ``same_id`` maps ids of before to ids of after."""
    old, new = owners(before), owners(after)
    named = [c for c in before.active if c.id in same_id and after.by_id[same_id[c.id]].name == c.name]
    stays = [same_id.get(concept) == new.get(form) for form, concept in old.items()]
    return {"ids_kept": len(named) / len(before.active), "tags_kept": float(np.mean(stays))}


def matched(before: Library, after: Library) -> dict[int, int]:
    """Each concept of before with the one of after that has most of its tags; each of after once."""
    new = owners(after)
    shared: dict[tuple[int, int], int] = {}
    for form, concept in owners(before).items():
        if form in new:
            shared[concept, new[form]] = shared.get((concept, new[form]), 0) + 1
    found: dict[int, int] = {}
    for (old, fresh), _ in sorted(shared.items(), key=lambda entry: (-entry[1], entry[0])):
        if old not in found and fresh not in found.values():
            found[old] = fresh
    return found


def grouping(library: Library, forms: list[tuple[str, str]]) -> np.ndarray:
    mine = owners(library)
    return np.array([mine[form] for form in forms])


def main() -> None:
    args = arguments(__doc__ or "", ["tags"])
    table = read_tags(args.data)
    half = pa.array([int(of_json(doc_id)[0], 16) % 2 == 0 for doc_id in table.column("doc_id").to_pylist()])
    config, embed, nothing = CanonicalizeConfig(), remembering(encoder("all-minilm-l6-v2").encode), Library(())
    first, _ = build(table.filter(half), nothing, config, embed)
    started = perf_counter()
    carried, _ = build(table, first, config, embed)
    seconds = perf_counter() - started
    scratch, _ = build(table, nothing, config, embed)
    both = sorted(set(owners(carried)) & set(owners(scratch)))
    agreed = agreement(grouping(carried, both), grouping(scratch, both))
    told = {"atlas": kept(first, carried, {c.id: c.id for c in first.active}) | {
        "precision": agreed["precision"], "recall": agreed["recall"], "seconds": seconds,
    }, "baseline-from-scratch": kept(first, scratch, matched(first, scratch))}  # fmt: skip
    rows: list[Row] = [
        {"benchmark": "rebuild", "dataset": args.data.name, "system": system}
        | {
            "concepts_before": len(first.active),
            "concepts_after": len((carried if system == "atlas" else scratch).active),
        }
        | {key: round(value, 4) for key, value in values.items()}
        for system, values in told.items()
    ]
    finish(rows, args.json)


if __name__ == "__main__":
    main()
