"""What people wrote stays as they wrote it: a save changes the words that changed, and no comment is lost."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from test_library_store import concepts, libraries

from atlas.library import render, store
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.yaml_nodes import parse

HAND = """\
# Tone: how it is said.

concepts:   # the list

# --- the quiet ones ---

- id: 3
  name: "Dry"          # after long debate
  facet: tone

  # Kept short on purpose.
  description: 'Plain, without ornament.'   # see minutes
  aliases: [plain, 'matter-of-fact']   # flow
  # lint: nothing to see
  members:
    dry: 4   # many
    # rare but right:
    "no": 1
    bare: 2
  counts: {tags: 7, chunks: 6, documents: 5}
# about 9
- facet: tone
  id: 9
  description: >-   # folded
    Warm and
    friendly.
  name: Warm
  aliases:
  - kind    # the first
  # disputed, see #12
  - hearty
  - tender
  examples:
  - {quote: 'A hug.', doc_id: a#1}
  # best one
  - quote: "Dear all,"
    doc_id: a#2

area: tone   # at the end
"""
Change = dict[str, object]


def saved(folder: Path, text: str, **changes: Change) -> str:
    """The text of a file after a save with changes, ``c3={…}`` for concept 3."""
    path = folder / "tone.yaml"
    path.write_bytes(text.encode())
    library = store.load(folder)
    wanted = tuple(replace(c, **changes.get(f"c{c.id}", {})) for c in library.concepts)  # type: ignore[arg-type]
    store.save(replace(library, concepts=wanted), folder)
    assert store.load(folder).concepts == wanted
    return path.read_bytes().decode()


def difference(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that went and lines that came, in order."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_file_stays_byte_for_byte_where_nothing_changed(tmp_path: Path) -> None:
    assert saved(tmp_path, HAND) == HAND


@pytest.mark.parametrize(
    ("change", "went", "came"),
    [
        ({"name": "Arid"}, '  name: "Dry"          # after long debate', '  name: "Arid"          # after long debate'),
        (
            {"description": "Plain: no ornament."},
            "  description: 'Plain, without ornament.'   # see minutes",
            "  description: 'Plain: no ornament.'   # see minutes",
        ),
        (
            {"aliases": ("plain", "arid, in a way")},
            "  aliases: [plain, 'matter-of-fact']   # flow",
            "  aliases: [plain, 'arid, in a way']   # flow",
        ),
        ({"members": {"dry": 5, "no": 1, "bare": 2}}, "    dry: 4   # many", "    dry: 5   # many"),
        ({"members": {"dry": 4, "no": 7, "bare": 2}}, '    "no": 1', '    "no": 7'),
        ({"members": {"dry": 4, "bare": 2}}, '    "no": 1', None),
        ({"members": {"dry": 4, "no": 1, "bare": 2, "very dry": 3}}, None, "    very dry: 3"),
        ({"members": {"no": 1, "bare": 2}}, "    dry: 4   # many", "    # many"),
        ({"question": "Is it dry?"}, None, "  question: Is it dry?"),
        ({"locked": True}, None, "  locked: true"),
        ({"status": "retired"}, None, "  status: retired"),
        (
            {"counts": Counts(7, 6, 9)},
            "  counts: {tags: 7, chunks: 6, documents: 5}",
            "  counts: {tags: 7, chunks: 6, documents: 9}",
        ),
        ({"counts": Counts()}, "  counts: {tags: 7, chunks: 6, documents: 5}", None),
    ],
)
def test_change_of_one_key_changes_its_line(change: Change, went: str | None, came: str | None, tmp_path: Path) -> None:
    old, new = difference(HAND, saved(tmp_path, HAND, c3=change))
    assert (old, new) == ([went] if went else [], [came] if came else [])


@pytest.mark.parametrize(
    ("change", "went", "came"),
    [
        ({"aliases": ("kind", "tender")}, ["  - hearty"], []),
        ({"aliases": ("hearty", "tender")}, ["  - kind    # the first"], ["  # the first"]),
        ({"aliases": ("kind", "hearty", "cordial", "tender")}, [], ["  - cordial"]),
        ({"aliases": ("gentle", "kind", "hearty", "tender")}, [], ["  - gentle"]),
        ({"aliases": ("kind", "hearty", "tender", "on")}, [], ["  - 'on'"]),
        ({"examples": (Example("A hug.", "a#1"), Example("Dear you,", "a#2"))},
         ['  - quote: "Dear all,"'], ['  - quote: "Dear you,"']),
        ({"examples": (Example("Dear all,", "a#2"),)}, ["  - {quote: 'A hug.', doc_id: a#1}"], []),
        ({"description": "Warm."}, ["  description: >-   # folded", "    Warm and", "    friendly."],
         ["  # folded", "  description: Warm."]),
    ],
)  # fmt: skip
def test_change_in_a_list_changes_its_items(change: Change, went: list[str], came: list[str], tmp_path: Path) -> None:
    assert difference(HAND, saved(tmp_path, HAND, c9=change)) == (went, came)


def test_all_of_a_list_may_go_but_its_comments_stay(tmp_path: Path) -> None:
    after = saved(tmp_path, HAND, c9={"aliases": (), "examples": ()})
    assert all(comment in after for comment in ("# the first", "# disputed, see #12", "# best one"))
    assert "- tender" not in after


def test_windows_line_ends_and_byte_order_mark_stay(tmp_path: Path) -> None:
    text = "\ufeff" + HAND.replace("\n", "\r\n")
    after = saved(tmp_path, text, c3={"name": "Arid", "question": "Is it dry?"})
    assert after.startswith("\ufeff# Tone")
    assert after.count("\n") == after.count("\r\n") == text.count("\n") + 1


def test_last_line_without_an_end_is_fine(tmp_path: Path) -> None:
    text = "concepts:\n  - {id: 3, facet: tone, name: Dry, description: Plain.} # one\n  - id: 4\n    facet: tone\n"
    text += "    name: Wry\n    description: Crooked."
    assert saved(tmp_path, text, c4={"question": "Is it?"}) == text + "\n    question: Is it?\n"


@pytest.mark.parametrize(
    "text",
    [
        "concepts: [{id: 3, facet: tone, name: Dry, description: Plain.}] # all in one\n",
        "{area: tone, concepts: [{id: 3, facet: tone, name: Dry,\n # all in one\n description: Plain.}]}\n",
        "concepts:\n  -\n    # all in one\n    id: 3\n    facet: tone\n    name: Dry\n    description: Plain.\n",
        "concepts:\n  - ? id\n    : 3\n    facet: tone # all in one\n    ? name\n    : Dry\n    description: Plain.\n",
        "---\nconcepts:\n  - id: 3\n    facet: tone # all in one\n    name: Dry\n    description: |\n\n      A.\n...\n",
    ],
)
def test_odd_layouts_are_edited_all_the_same_and_keep_their_comments(text: str, tmp_path: Path) -> None:
    changes: Change = {"name": "Arid", "aliases": ("dry",), "description": "Without water."}
    assert "# all in one" in saved(tmp_path, text, c3=changes)


def test_new_concept_goes_before_the_first_with_a_higher_id(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(HAND)
    library = store.load(tmp_path)
    new = Concept(5, "tone", "Wry", "Crooked.")
    store.save(Library(tuple(sorted((*library.concepts, new), key=lambda c: c.id))), tmp_path)
    lines = "- id: 5\n  facet: tone\n  name: Wry\n  description: Crooked.\n  status: active\n"
    assert (tmp_path / "tone.yaml").read_text() == HAND.replace("# about 9\n", lines + "# about 9\n")


def test_moved_concept_takes_its_comments_along(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(HAND)
    library = store.load(tmp_path)
    moved = tuple(replace(c, facet="form") if c.id == 9 else c for c in library.concepts)
    store.save(replace(library, concepts=moved), tmp_path)
    left, form = (tmp_path / "tone.yaml").read_text(), (tmp_path / "form.yaml").read_text()
    assert left == HAND[: HAND.index("# about 9")] + HAND[HAND.index("\narea: tone") :]
    assert form.startswith("area: form\nconcepts:\n  # about 9\n  - facet: form\n    id: 9\n")
    assert "    description: >-   # folded\n      Warm and\n" in form
    assert "# best one" in form


def test_file_without_concepts_stays_for_its_comments(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(
        "# Wisdom.\nconcepts:\n  - {id: 1, facet: form, name: Ode, description: Sung.}\n"
    )
    store.save(store.load(tmp_path), tmp_path)
    assert (tmp_path / "tone.yaml").read_text() == "# Wisdom.\nconcepts:\n"
    assert store.load(tmp_path).concepts == (Concept(1, "form", "Ode", "Sung."),)


# --- any library, any edit, comments anywhere


def commented(text: str, random: Random, number: Callable[[], int]) -> str:
    """The text with comments above some of its keys, indented at random, and behind some one-line values."""
    nodes = [n for entry in parse(text, []).value["concepts"].value for n in (entry, *entry.value.values())]
    starts = {node.line for node in nodes}
    lines = []
    for at, line in enumerate(text.split("\n"), 1):
        if at in starts and random.random() < 0.3:
            lines.append(" " * random.choice([0, 2, 4, 6]) + f"# comment {number()}!")
        if at in starts and re.fullmatch(r" *(- )?(id|locked|status|facet): \w+", line) and random.random() < 0.3:
            line += f"  # comment {number()}!"
        lines.append(line)
    return "\n".join(lines)


@settings(max_examples=75, deadline=None)
@given(before=libraries, edits=st.lists(concepts, max_size=3), random=st.randoms(use_true_random=False))
def test_any_edit_is_saved_and_every_comment_stays(before: Library, edits: list[Concept], random: Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, comments = Path(name), iter(range(10**6))
        store.save(before, folder)
        for path in folder.glob("*.yaml"):
            path.write_bytes(commented(path.read_bytes().decode(), random, lambda: next(comments)).encode())
        texts = {path: path.read_bytes() for path in folder.glob("*.yaml")}
        assert store.load(folder) == before
        assert store.save(store.load(folder), folder) == []
        assert {path: path.read_bytes() for path in folder.glob("*.yaml")} == texts
        now = before.by_id
        for edit in edits:  # some keys of some concept become another's
            old = now.get(edit.id) or random.choice(list(now.values()))
            keys = random.sample(["name", "aliases", "members", "examples", "counts", "locked", "question"], 3)
            now = now | {old.id: replace(old, **{key: getattr(edit, key) for key in keys})}
            now = now | {edit.id: edit}
        after = Library(tuple(now[id_] for id_ in sorted(now)))
        store.save(after, folder)
        assert store.load(folder) == after
        assert store.save(after, folder) == []
        whole = "".join(path.read_bytes().decode() for path in folder.glob("*.yaml"))
        assert all(whole.count(f"# comment {i}!") == 1 for i in range(next(comments)))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from("alpha, beta (gamma) it's - — e.g. 3.5 x/y no % longer see: #x web:ab#1 C# ::".split()),
        min_size=1,
        max_size=60,
    )
)
def test_long_text_is_folded_as_pyyaml_does(words: list[str]) -> None:
    text = {"description": " ".join(words)}
    whole = yaml.dump([[text]], Dumper=render.Dumper, width=render.WIDTH, allow_unicode=True)
    assert render.pairs(text, 4)[4:] == whole[4:]
