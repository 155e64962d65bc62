"""atlas library import and export, as a curator types them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas.cli.library import app
from atlas.library import history, store

SHIPPED = Path(__file__).parents[2] / "concept_library"
SKY = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<http://t/1> a skos:Concept ; skos:prefLabel "Astronomy"@en .
<http://t/2> a skos:Concept ; skos:prefLabel "Planets"@en ; skos:broader <http://t/1> .
<http://t/3> a skos:Concept ; skos:prefLabel "Étoiles"@fr .
"""


def atlas(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("ending", ["ttl", "xml", "csv", "parquet"])
def test_export_and_import_give_the_same_files(ending: str, tmp_path: Path) -> None:
    shipped = store.load(SHIPPED)
    count = f"{len(shipped.concepts):,}"
    assert f"{count} concepts written" in atlas("export", SHIPPED, tmp_path / f"all.{ending}")
    assert f"{count} new" in atlas("import", tmp_path / f"all.{ending}", "--out", tmp_path / "again")
    assert store.load(tmp_path / "again") == shipped


def test_a_thesaurus_imported_again_changes_no_file(tmp_path: Path) -> None:
    (tmp_path / "sky.rdf-turtle").write_text(SKY)
    said = atlas("import", tmp_path / "sky.rdf-turtle", "--format", "skos", "--out", tmp_path / "library")
    assert "2 new" in said
    assert "1 terms without a label in 'en', left out" in said
    before = {path: path.read_bytes() for path in (tmp_path / "library").iterdir() if path.is_file()}
    assert sorted(path.name for path in before) == ["astronomy.yaml", "sources.csv"]
    (entry,) = history.read(tmp_path / "library")
    assert (entry.command, entry.made) == ("import", (1, 2))
    said = atlas("import", tmp_path / "sky.rdf-turtle", "--format", "skos", "--out", tmp_path / "library")
    assert "2 unchanged" in said
    assert {path: path.read_bytes() for path in (tmp_path / "library").iterdir() if path.is_file()} == before
    assert len(history.read(tmp_path / "library")) == 1


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,facet\nTides,content\n")
    said = atlas("import", tmp_path / "a.csv", "--out", tmp_path / "library", "--dry-run")
    assert "would hold 1 concepts" in said
    assert "1 errors of lint came with it, such as: 1 has no description" in said
    assert not (tmp_path / "library").exists()
