"""Concepts of a SKOS file that Atlas wrote, also when another tool has edited it since."""

import json
from typing import Any

from atlas.errors import AtlasError
from atlas.library.exchange.graph import Statements, addresses, literals
from atlas.library.exchange.names import ATLAS, CONCEPT, DCT, OWL, SKOS
from atlas.library.exchange.records import Entry, entry

TRUE = ("true", "1")


def is_ours(statements: Statements) -> bool:
    """Whether Atlas wrote this concept: it has one of our ids."""
    return ATLAS + "id" in statements


def read(subject: str, statements: Statements, language: str, facet: str, where: str) -> Entry:
    """The concept of a subject that has ``atlas:id``.

    Labels are what counts. The lists in ``atlas:`` tell their order and their numbers, so a label that another tool
    added or took away is added or taken away here.

    Raises:
        AtlasError: with file and subject, where a value can't be read, or is one that no concept may have.
    """
    at = f"{where}, {subject}"

    def one(predicate: str) -> str | None:
        texts = literals(statements, predicate)
        if len(texts) > 1:
            raise AtlasError(f"{at}: has {len(texts)} values of {predicate}; keep one")
        return texts[0] if texts else None

    def words(predicate: str) -> str | None:
        texts = literals(statements, predicate, language)
        if len(texts) > 1:
            raise AtlasError(f"{at}: has {len(texts)} values of {predicate} in {language!r}; keep one")
        return texts[0] if texts else None

    def number(name: str, kind: type[int] | type[float] = int) -> int | float | None:
        text = one(ATLAS + name)
        try:
            return None if text is None else kind(text)
        except ValueError:
            said = "a whole number" if kind is int else "a number"
            raise AtlasError(f"{at}: atlas:{name} must be {said}, not {text!r}") from None

    def data(name: str, wanted: type) -> Any:
        text = one(ATLAS + name)
        try:
            value = wanted() if text is None else json.loads(text)
        except json.JSONDecodeError as error:
            raise AtlasError(f"{at}: atlas:{name} is not valid JSON: {error}") from None
        if not isinstance(value, wanted):
            raise AtlasError(f"{at}: atlas:{name} must be a JSON {wanted.__name__}, not {text!r}")
        return value

    name = words(SKOS + "prefLabel")
    alternative = literals(statements, SKOS + "altLabel", language)
    listed = [alias for alias in data("aliases", list) if alias == name or alias in alternative]
    aliases = listed + [alias for alias in alternative if alias not in listed]
    hidden = literals(statements, SKOS + "hiddenLabel", language)
    shown = {name, *aliases, *hidden}
    members = {tag: count for tag, count in data("members", dict).items() if tag in shown}
    quotes = literals(statements, SKOS + "example", language)
    examples = [pair for pair in data("examples", list) if isinstance(pair, list) and len(pair) == 2]
    values = {
        "id": number("id"),
        "facet": one(ATLAS + "facet"),
        "name": name,
        "description": words(SKOS + "definition"),
        "question": words(ATLAS + "question"),
        "aliases": aliases,
        "taxonomy": one(ATLAS + "taxonomy"),
        "confidence": number("confidence", float),
        "status": "retired" if any(t in TRUE for t in literals(statements, OWL + "deprecated")) else "active",
        "replaced_by": _id(addresses(statements, DCT + "isReplacedBy"), at),
        "locked": one(ATLAS + "locked") in TRUE,
        "members": members | {tag: 0 for tag in hidden if tag not in members},
        "examples": [{"quote": quote, "doc_id": doc_id} for quote, doc_id in examples if quote in quotes],
        "tags": number("tags"),
        "chunks": number("chunks"),
        "documents": number("documents"),
        "uri": next(iter(addresses(statements, SKOS + "exactMatch")), None),
    }
    return entry(values, at, facet)


def _id(found: list[str], where: str) -> int | None:
    if not found:
        return None
    number = found[0].removeprefix(CONCEPT)
    if len(found) > 1 or not number.isdecimal():
        raise AtlasError(f"{where}: dct:isReplacedBy must name one concept as {CONCEPT}ID, not {', '.join(found)}")
    return int(number)
