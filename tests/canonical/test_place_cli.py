"""atlas library place with the real sentence model."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas.cli.library import app
from atlas.library import store
from atlas.library.concept import Concept, Library

NAMES = {
    1: ("Photosynthesis", "Science"),
    2: ("Mortgage lending", "Social sciences"),
    3: ("Knitting patterns", "Technology"),
    4: ("Gospel of Mark", "Philosophy and religion"),
}


@pytest.mark.slow  # reads 7,000 subjects where nobody has before: some minutes of a busy core
@pytest.mark.timeout(900)
def test_topics_are_placed_and_what_people_set_stays(tmp_path: Path) -> None:
    concepts = [Concept(i, "content", name, f"Passages about {name}.") for i, (name, _) in NAMES.items()]
    kept = [
        Concept(5, "content", "Chess", "A game.", locked=True),
        Concept(6, "content", "Rowing", "A sport.", taxonomy="Boats"),
        Concept(7, "entity", "Oslo", "A city."),
        Concept(8, "content", "Algebra", "Mathematics.", status="retired"),
    ]
    store.save(Library((*concepts, *kept)), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    dry = CliRunner().invoke(app, ["place", str(tmp_path), "--dry-run"], catch_exceptions=False)
    assert "4 of 4 topics would be placed" in dry.output
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    CliRunner().invoke(app, ["place", str(tmp_path)], catch_exceptions=False)
    after = store.load(tmp_path)
    assert {i: (after.by_id[i].taxonomy or "").split(" / ")[0] for i in NAMES} == {
        i: top for i, (_, top) in NAMES.items()
    }
    assert all(0.8 <= (after.by_id[i].confidence or 0) <= 1 for i in NAMES)
    assert list(after.concepts[4:]) == kept
    assert (tmp_path / "philosophy-and-religion.yaml").exists()
    sacred = "Philosophy and religion / Sacred books"
    file = tmp_path / "philosophy-and-religion.yaml"
    (theirs,) = [line for line in file.read_text().splitlines() if "taxonomy:" in line]
    file.write_text(
        file.read_text().replace(theirs, f"{theirs.split(':')[0]}: {sacred}")
    )  # and the confidence stays behind
    CliRunner().invoke(app, ["place", str(tmp_path), "--all"], catch_exceptions=False)
    again = store.load(tmp_path)
    assert (again.by_id[4].taxonomy, again.by_id[6].taxonomy) == (sacred, "Boats")
    CliRunner().invoke(app, ["place", str(tmp_path), "--all", "--overwrite"], catch_exceptions=False)
    assert store.load(tmp_path).by_id[4].taxonomy not in (None, sacred)
