"""The RDF terms of SKOS that a library is written in, and Atlas's own for what SKOS has no word for."""

SKOS = "http://www.w3.org/2004/02/skos/core#"
SKOS_XL = "http://www.w3.org/2008/05/skos-xl#"
DCT = "http://purl.org/dc/terms/"
OWL = "http://www.w3.org/2002/07/owl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
ATLAS = "urn:atlas:schema:"  # a URN, as Atlas has no web address that would outlive it
CONCEPT = "urn:atlas:concept:"
SCHEME = "urn:atlas:library"

PREFIXES = {"skos": SKOS, "dct": DCT, "owl": OWL, "rdf": RDF, "xsd": XSD, "atlas": ATLAS}
