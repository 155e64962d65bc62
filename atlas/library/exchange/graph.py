"""RDF files as a mapping: the statements of each subject, by predicate."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pyoxigraph as ox

from atlas.errors import AtlasError
from atlas.library.exchange.names import SKOS_XL

Value = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Statements = Mapping[str, list[Value]]  # predicate address: objects
FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".nq": ox.RdfFormat.N_QUADS,
    ".rdf": ox.RdfFormat.RDF_XML,
    ".xml": ox.RdfFormat.RDF_XML,
    ".jsonld": ox.RdfFormat.JSON_LD,
}


def subjects(path: Path, form: ox.RdfFormat) -> dict[str, Statements]:
    """Statements of each named subject of an RDF file; SKOS-XL labels stand in as plain ones.

    Read leniently: published thesauri hold addresses with spaces and odd language tags.

    Raises:
        AtlasError: with file and line, where the file can't be parsed.
    """
    found: dict[str, dict[str, list[Value]]] = defaultdict(lambda: defaultdict(list))
    labels: dict[str, ox.Literal] = {}
    try:
        for quad in ox.parse(path=str(path), format=form, lenient=True, base_iri="urn:atlas:file:"):
            predicate = quad.predicate.value
            if predicate == SKOS_XL + "literalForm" and isinstance(quad.object, ox.Literal):
                labels[str(quad.subject)] = quad.object
            elif isinstance(quad.subject, ox.NamedNode):
                found[quad.subject.value][predicate].append(quad.object)
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise AtlasError(f"{path}{line}: can't be read as {form.name}: {error.msg}") from None
    for statements in found.values():
        for predicate in [name for name in statements if name.startswith(SKOS_XL)]:
            plain = predicate.replace(SKOS_XL, "http://www.w3.org/2004/02/skos/core#")
            statements[plain] += [labels[str(value)] for value in statements.pop(predicate) if str(value) in labels]
    return {subject: dict(statements) for subject, statements in found.items()}


def addresses(statements: Statements, predicate: str) -> list[str]:
    """The named objects of a predicate, sorted."""
    return sorted({value.value for value in statements.get(predicate, ()) if isinstance(value, ox.NamedNode)})


def literals(statements: Statements, predicate: str, language: str | None = None) -> list[str]:
    """The texts of a predicate, sorted: of a language, else of its regional variants (``en-GB``), else untagged ones.

    Without a language, all of them.
    """
    texts = [value for value in statements.get(predicate, ()) if isinstance(value, ox.Literal)]
    if language is None:
        return sorted({text.value for text in texts})
    wanted = language.lower()
    for fits in (
        lambda tag: tag == wanted,
        lambda tag: tag.startswith(wanted + "-"),
        lambda tag: not tag,
    ):
        if found := {text.value for text in texts if fits((text.language or "").lower())}:
            return sorted(found)
    return []
