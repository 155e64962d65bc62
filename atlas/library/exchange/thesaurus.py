"""Concepts of a published thesaurus: SKOS with addresses and habits of its own."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from atlas.library.concept import Concept
from atlas.library.exchange.graph import Statements, addresses, literals
from atlas.library.exchange.names import OWL, RDF, RDFS, SKOS
from atlas.library.exchange.records import NO_ID, Entry, Reading, Source
from atlas.library.names import normal_form

BROADER = tuple(SKOS + name for name in ("broader", "broaderGeneric")) + tuple(
    "http://purl.org/iso25964/skos-thes#" + name for name in ("broaderGeneric", "broaderPartitive", "broaderInstantial")
)
MOST_STEPS = 12  # of a path; the deepest published hierarchy known to us (MeSH) has 13 levels
ALSO_CALLED = 3
_OPENINGS = {
    "content": "Passages about",
    "entity": "Passages that name",
    "tone": "Passages whose tone is",
    "form": "Passages of the form",
}


@dataclass(frozen=True, slots=True)
class Term:
    """What a thesaurus says of one of its concepts, in one language."""

    uri: str
    label: str
    others: tuple[str, ...]
    definition: str
    notation: str
    broader: tuple[str, ...]


def read(subjects: Mapping[str, Statements], language: str, facet: str, scheme: str | None) -> Reading:
    """The terms of a thesaurus as concepts without ids, in the order of their addresses.

    Preferred labels become names, alternative and hidden ones aliases, definitions (else scope notes) descriptions.
    The way up the first broader term, by label, becomes the taxonomy; other ways are kept with the source. Names that
    several terms share get their broader term, notation or address in brackets, as ids are told apart by names.

    Losses are counted: terms without a label in the language, deprecated ones, further broader terms, circles.
    """
    losses: Counter[str] = Counter()
    terms = _terms(subjects, language, scheme, losses)
    names = _distinct(terms, losses)
    parents = {broader for term in terms.values() for broader in term.broader}
    entries = []
    for uri in sorted(terms):
        term = terms[uri]
        ways = [_way(uri, broader, terms, losses) for broader in term.broader]
        if len(ways) > 1:
            losses["further broader terms, kept in sources.csv"] += len(ways) - 1
        own = term.label.replace("/", "-") if uri in parents else None
        concept = Concept(
            NO_ID,
            facet,
            names[uri],
            term.definition or _description(facet, names[uri], term.others),
            aliases=tuple(other for other in term.others if other != names[uri]),
            taxonomy=ways[0] if ways else own,
        )
        losses["terms without a definition, described by their names"] += not term.definition
        entries.append(Entry(concept, Source(uri, term.notation, tuple(ways[1:]))))
    return Reading(tuple(entries), +losses)


def _terms(
    subjects: Mapping[str, Statements], language: str, scheme: str | None, losses: Counter[str]
) -> dict[str, Term]:
    narrower: dict[str, list[str]] = {}
    for uri, statements in subjects.items():
        for below in addresses(statements, SKOS + "narrower"):
            narrower.setdefault(below, []).append(uri)
    found = {}
    for uri, statements in subjects.items():
        if SKOS + "Concept" not in addresses(statements, RDF + "type") and SKOS + "prefLabel" not in statements:
            continue
        schemes = [*addresses(statements, SKOS + "inScheme"), *addresses(statements, SKOS + "topConceptOf")]
        if scheme is not None and scheme not in schemes:
            continue
        if SKOS + "hasTopConcept" in statements or SKOS + "member" in statements:  # schemes and collections
            continue
        if "true" in literals(statements, OWL + "deprecated"):
            losses["deprecated terms, left out"] += 1
            continue
        labels = [_tidy(label) for label in literals(statements, SKOS + "prefLabel", language)]
        others = [
            _tidy(label)
            for name in ("altLabel", "hiddenLabel")
            for label in literals(statements, SKOS + name, language)
        ]
        if not labels:
            labels, others = others[:1] or literals(statements, RDFS + "label", language)[:1], others[1:]
            losses[f"terms without a preferred label in {language!r}, named by another label"] += bool(labels)
        if not labels or not labels[0]:
            losses[f"terms without a label in {language!r}, left out"] += 1
            continue
        notes = [
            *literals(statements, SKOS + "definition", language),
            *literals(statements, SKOS + "scopeNote", language),
        ]
        broader = {b for name in BROADER for b in addresses(statements, name)} | set(narrower.get(uri, ()))
        found[uri] = Term(
            uri,
            labels[0],
            tuple(dict.fromkeys(label for label in [*labels[1:], *others] if label and label != labels[0])),
            _tidy(notes[0]) if notes else "",
            next(iter(literals(statements, SKOS + "notation")), ""),
            tuple(sorted(broader - {uri})),
        )
    return {uri: _known_broader(term, found) for uri, term in found.items()}


def _known_broader(term: Term, terms: Mapping[str, Term]) -> Term:
    """With the broader terms that the thesaurus holds, by label."""
    broader = sorted((b for b in term.broader if b in terms), key=lambda b: (terms[b].label, b))
    return Term(term.uri, term.label, term.others, term.definition, term.notation, tuple(broader))


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _distinct(terms: Mapping[str, Term], losses: Counter[str]) -> dict[str, str]:
    """A name for each term that no other term of the thesaurus has, whatever its spelling."""
    sharing = Counter(normal_form(term.label) for term in terms.values())
    taken = {form for form, count in sharing.items() if count == 1}
    names = {}
    for uri in sorted(terms):
        term = terms[uri]
        if sharing[normal_form(term.label)] == 1:
            names[uri] = term.label
            continue
        losses["terms that share a label, told apart in brackets"] += 1
        ending = uri.rstrip("/").replace("#", "/").rpartition("/")[2]
        marks = [*(terms[b].label for b in term.broader), term.notation, ending, uri]
        name = next(n for n in (f"{term.label} ({mark})" for mark in marks if mark) if normal_form(n) not in taken)
        taken.add(normal_form(name))
        names[uri] = name
    return names


def _way(start: str, uri: str, terms: Mapping[str, Term], losses: Counter[str]) -> str:
    """Labels from the top down to ``uri``, a broader term of ``start``, always up by the first broader one."""
    steps, seen = [terms[uri].label], {start, uri}
    while terms[uri].broader and len(steps) < MOST_STEPS:
        uri = terms[uri].broader[0]
        if uri in seen:
            losses["ways up that lead in a circle, cut"] += 1
            break
        seen.add(uri)
        steps.append(terms[uri].label)
    return " / ".join(step.replace("/", "-") for step in reversed(steps))


def _description(facet: str, name: str, others: tuple[str, ...]) -> str:
    also = f", also called {', '.join(others[:ALSO_CALLED])}" if others else ""
    return f"{_OPENINGS[facet]} {name}{also}."
