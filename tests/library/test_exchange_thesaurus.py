"""A published thesaurus becomes concepts with names of their own, a taxonomy, and ids that stay."""

from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.exchange import files, sources
from atlas.library.exchange.merge import Merged, merge
from atlas.library.exchange.records import Source
from atlas.library.lint import lint

BASE = "http://example.org/t/"
SKY = f"""
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xl: <http://www.w3.org/2008/05/skos-xl#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix t: <{BASE}> .
t: a skos:ConceptScheme ; skos:prefLabel "Sky"@en ; skos:hasTopConcept t:1 .
t:1 a skos:Concept ; skos:prefLabel "Astronomy"@en, "astronomie"@fr ; skos:definition "What is  up there."@en .
t:2 a skos:Concept ; skos:prefLabel "planets"@en-GB, "planètes"@fr ; skos:broader t:1 ; skos:altLabel "worlds"@en ;
    skos:hiddenLabel "plannets"@en .
t:3 a skos:Concept ; skos:prefLabel "Mercury"@en ; skos:broader t:2 ; skos:notation "3.1" .
t:4 a skos:Concept ; skos:prefLabel "Metals/alloys" ; skos:narrower t:5 .
t:5 a skos:Concept ; skos:prefLabel "mercury"@en ; skos:altLabel "quicksilver"@en ; skos:inScheme t:other .
t:6 a skos:Concept ; skos:prefLabel "Meteors"@en ; skos:broader t:2, t:1 ; skos:scopeNote "Stones that fall."@en .
t:7 a skos:Concept ; skos:prefLabel "comètes"@fr .
t:8 a skos:Concept ; skos:altLabel "shooting stars"@en, "falling stars"@en .
t:9 a skos:Concept ; skos:prefLabel "Aether"@en ; owl:deprecated true .
t:10 a skos:Concept ; xl:prefLabel t:10-en ; skos:broader t:11 .
t:10-en a xl:Label ; xl:literalForm "Sundials"@en .
t:11 a skos:Concept ; skos:prefLabel "Clocks"@en ; skos:broader t:10 .
t:12 a skos:Concept ; skos:prefLabel "Mercury"@en .
"""


def imported(
    text: str,
    folder: Path,
    base: Library | None = None,
    known: dict[str, tuple[int, Source]] | None = None,
    update: bool = False,
    **how: str,
) -> Merged:
    path = folder / "sky.ttl"
    path.write_text(text, encoding="utf-8")
    return merge(base or Library(()), known or {}, files.read(path, **how).entries, update=update)


def by_term(merged: Merged) -> dict[str, Concept]:
    return {uri.removeprefix(BASE): merged.library.by_id[number] for uri, (number, _) in merged.sources.items()}


def test_labels_become_names_and_aliases_in_the_language_asked_for(tmp_path: Path) -> None:
    english, french = by_term(imported(SKY, tmp_path)), by_term(imported(SKY, tmp_path, language="fr"))
    assert english["1"].name == "Astronomy"
    assert english["2"].name == "planets"  # a regional variant will do
    assert english["2"].aliases == ("worlds", "plannets")
    assert english["4"].name == "Metals/alloys"  # so will a label without a language
    assert english["8"].name == "falling stars"  # and another label where there is no preferred one
    assert english["10"].name == "Sundials"  # SKOS-XL
    assert not {"", "7", "9"} & set(english)  # the scheme; no English label; deprecated
    assert {term: concept.name for term, concept in french.items()} == {
        "1": "astronomie", "2": "planètes", "4": "Metals/alloys", "7": "comètes",
    }  # fmt: skip


def test_homonyms_are_told_apart_by_broader_term_notation_or_address(tmp_path: Path) -> None:
    found = by_term(imported(SKY, tmp_path))
    assert found["3"].name == "Mercury (planets)"
    assert found["5"].name == "mercury (Metals/alloys)"
    assert found["12"].name == "Mercury (12)"
    assert not [f for f in lint(imported(SKY, tmp_path).library) if f.severity == "error"]


def test_the_way_up_becomes_the_taxonomy_and_further_ways_are_kept(tmp_path: Path) -> None:
    merged = imported(SKY, tmp_path)
    found = by_term(merged)
    assert found["1"].taxonomy == "Astronomy"  # a top term with terms below it opens an area
    assert found["3"].taxonomy == "Astronomy / planets"
    assert found["5"].taxonomy == "Metals-alloys"  # narrower is broader the other way round
    assert found["8"].taxonomy is None
    assert found["6"].taxonomy == "Astronomy"
    assert merged.sources[BASE + "6"][1].also_under == ("Astronomy / planets",)
    assert found["10"].taxonomy == "Clocks"  # in a circle with it


def test_descriptions_are_definitions_or_notes_or_made_of_the_names(tmp_path: Path) -> None:
    found = by_term(imported(SKY, tmp_path))
    assert found["1"].description == "What is up there."
    assert found["6"].description == "Stones that fall."
    assert found["2"].description == "Passages about planets, also called worlds, plannets."


def test_what_is_lost_is_counted(tmp_path: Path) -> None:
    (tmp_path / "sky.ttl").write_text(SKY, encoding="utf-8")
    losses = files.read(tmp_path / "sky.ttl").losses
    assert losses["terms without a label in 'en', left out"] == 1
    assert losses["deprecated terms, left out"] == 1
    assert losses["further broader terms, kept in sources.csv"] == 1
    assert losses["terms that share a label, told apart in brackets"] == 3


def test_a_scheme_can_be_taken_alone(tmp_path: Path) -> None:
    assert list(by_term(imported(SKY, tmp_path, scheme=BASE + "other"))) == ["5"]


def test_ids_stay_when_the_thesaurus_is_imported_again(tmp_path: Path) -> None:
    first = imported(SKY, tmp_path)
    again = imported(SKY, tmp_path, first.library, first.sources)
    assert again.library == first.library
    assert again.sources == first.sources
    grown = "\n".join([SKY, 't:0 a skos:Concept ; skos:prefLabel "Aurora"@en .']).replace("Astronomy", "Astronomy, all")
    later = imported(grown, tmp_path, first.library, first.sources)
    assert by_term(later)["0"].id == first.library.next_id
    assert {u: n for u, (n, _) in first.sources.items()}.items() <= {
        u: n for u, (n, _) in later.sources.items()
    }.items()
    assert by_term(later)["1"].name == "Astronomy"  # what people see changes only when asked for
    assert "Astronomy, all" in by_term(later)["1"].aliases
    assert by_term(imported(grown, tmp_path, first.library, first.sources, update=True))["1"].name == "Astronomy, all"


def test_a_concept_of_that_name_is_the_term_and_keeps_what_people_set(tmp_path: Path) -> None:
    base = Library(
        (
            Concept(4, "content", "Planet", "Bodies that go round a star.", members={"planet": 7}),
            Concept(6, "content", "Meteor", "", locked=True),
            Concept(8, "content", "Clocks", "They tick.", status="retired"),
            Concept(9, "content", "Quicksilver", "A liquid metal."),
        )
    )
    merged = imported(SKY, tmp_path, base)
    found = by_term(merged)
    assert found["2"].id == 4
    assert found["2"].description == "Bodies that go round a star."
    assert found["2"].members == {"planet": 7}
    assert found["2"].aliases == ("worlds", "plannets")
    assert found["6"] == base.by_id[6]  # locked
    assert found["11"] == base.by_id[8]  # a retired concept does not come back under a new id
    assert found["5"].aliases == ()  # "quicksilver" is another concept's name
    assert merged.became["aliases that mean another concept already, left out"] == 1
    assert not [f for f in lint(merged.library) if f.severity == "error" and f.concept_id != 6]


def test_sources_are_kept_beside_the_library(tmp_path: Path) -> None:
    merged = imported(SKY, tmp_path)
    sources.save(merged.sources, tmp_path)
    assert sources.load(tmp_path) == merged.sources
    assert "3,http://example.org/t/11,," in (tmp_path / "sources.csv").read_text().splitlines()
    assert sources.load(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("concept,uri\n", ":1: expected the columns concept_id, uri, notation, also_under"),
        ("concept_id,uri,notation,also_under\nx,http://a,,\n", ":2: expected a concept id and an address"),
        ("concept_id,uri,notation,also_under\n1,http://a,,\n2,http://a,,\n", ":3: http://a is the source of 1 already"),
    ],
)
def test_bad_sources_are_named_with_their_line(rows: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text(rows)
    with pytest.raises(AtlasError) as raised:
        sources.load(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / 'sources.csv'}{said}")


def test_a_file_that_is_no_rdf_or_holds_no_concept_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"sky\.ttl:2: can't be read as Turtle"):
        imported("# a\nt:1 a <b> .", tmp_path)
    with pytest.raises(AtlasError, match=r"holds no skos:Concept that can be read \(1 terms without a label in 'en'"):
        imported(SKY.split("\nt: ")[0] + "\n" + 't:7 a skos:Concept ; skos:prefLabel "comètes"@fr .', tmp_path)
