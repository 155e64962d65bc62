"""A library as SKOS, in Turtle or RDF/XML (W3C Recommendation of 18 August 2009).

Names are prefLabel, aliases altLabel, member tags hiddenLabel, descriptions definition: what any thesaurus tool shows.
The namespace ``atlas:`` holds what SKOS has no word for. Order is kept where it differs from the sorted one.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import pyoxigraph as ox

from atlas.errors import AtlasError
from atlas.library.concept import Concept
from atlas.library.exchange.names import ATLAS, CONCEPT, DCT, OWL, PREFIXES, RDF, SCHEME, SKOS, XSD

FORMATS = {"turtle": ox.RdfFormat.TURTLE, "rdf-xml": ox.RdfFormat.RDF_XML}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2

_TYPE = ox.NamedNode(RDF + "type")
_CONCEPT = ox.NamedNode(SKOS + "Concept")
_JSON = ox.NamedNode(RDF + "JSON")


def write(concepts: Iterable[tuple[Concept, str]], stream: BinaryIO, form: str, language: str) -> None:
    """Write concepts with their source addresses (empty where there is none), in the order given.

    Args:
        form: a key of FORMATS.
        language: BCP 47 tag of names, aliases, descriptions and questions.

    Raises:
        AtlasError: RDF/XML is asked for, and a concept holds a character that XML has no way to write.
    """
    triples = (triple for concept, uri in concepts for triple in _triples(concept, uri, language, form == "rdf-xml"))
    head = [ox.Triple(ox.NamedNode(SCHEME), _TYPE, ox.NamedNode(SKOS + "ConceptScheme"))]
    ox.serialize(_chain(head, triples), stream, FORMATS[form], prefixes=PREFIXES)


def _chain(head: list[ox.Triple], rest: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    yield from head
    yield from rest


def _triples(concept: Concept, uri: str, language: str, xml: bool) -> Iterator[ox.Triple]:
    subject = ox.NamedNode(f"{CONCEPT}{concept.id}")

    def triple(namespace: str, name: str, value: ox.NamedNode | ox.Literal) -> ox.Triple:
        if xml and isinstance(value, ox.Literal) and (bad := _NOT_XML.search(value.value)):
            raise AtlasError(
                f"concept {concept.id} ({concept.name!r}) holds the character {bad[0]!r}, which RDF/XML can't hold; "
                "take it out, or export as Turtle (.ttl)"
            )
        return ox.Triple(subject, ox.NamedNode(namespace + name), value)

    def words(text: str) -> ox.Literal:
        return ox.Literal(text, language=language)

    def number(value: int) -> ox.Literal:
        return ox.Literal(str(value), datatype=ox.NamedNode(XSD + "integer"))

    def data(value: object) -> ox.Literal:
        return ox.Literal(json.dumps(value, ensure_ascii=False), datatype=_JSON)

    true = ox.Literal("true", datatype=ox.NamedNode(XSD + "boolean"))
    yield ox.Triple(subject, _TYPE, _CONCEPT)
    yield triple(SKOS, "inScheme", ox.NamedNode(SCHEME))
    yield triple(ATLAS, "id", number(concept.id))
    yield triple(ATLAS, "facet", ox.Literal(concept.facet))
    yield triple(SKOS, "prefLabel", words(concept.name))
    aliases = sorted(set(concept.aliases))
    for alias in aliases:
        if alias != concept.name:  # SKOS S13: the kinds of labels are disjoint
            yield triple(SKOS, "altLabel", words(alias))
    if list(concept.aliases) != aliases or concept.name in aliases:
        yield triple(ATLAS, "aliases", data(concept.aliases))
    for tag in sorted(concept.members):
        if tag != concept.name and tag not in concept.aliases:
            yield triple(SKOS, "hiddenLabel", words(tag))
    if concept.members:
        yield triple(ATLAS, "members", data(dict(sorted(concept.members.items(), key=lambda m: (-m[1], m[0])))))
    if concept.description:
        yield triple(SKOS, "definition", words(concept.description))
    if concept.question:
        yield triple(ATLAS, "question", words(concept.question))
    if concept.taxonomy:
        yield triple(ATLAS, "taxonomy", ox.Literal(concept.taxonomy))
    if concept.confidence is not None:
        yield triple(ATLAS, "confidence", ox.Literal(repr(concept.confidence), datatype=ox.NamedNode(XSD + "double")))
    if not concept.active:
        yield triple(OWL, "deprecated", true)
    if concept.replaced_by is not None:
        yield triple(DCT, "isReplacedBy", ox.NamedNode(f"{CONCEPT}{concept.replaced_by}"))
    if concept.locked:
        yield triple(ATLAS, "locked", true)
    if concept.examples:
        for quote in sorted({example.quote for example in concept.examples}):
            yield triple(SKOS, "example", words(quote))
        yield triple(ATLAS, "examples", data([[example.quote, example.doc_id] for example in concept.examples]))
    for name in ("tags", "chunks", "documents"):
        if value := getattr(concept.counts, name):
            yield triple(ATLAS, name, number(value))
    if uri:
        yield triple(SKOS, "exactMatch", ox.NamedNode(uri))
