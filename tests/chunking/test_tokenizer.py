"""Named tokenizers give published ids, take special tokens for characters, and refuse damage."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.chunking import tokenizer as module
from atlas.chunking.tokenizer import Tokenizer, tokenizer
from atlas.errors import AtlasError

SPECIAL = "<|endoftext|>"

# Published in OpenAI's guide to counting tokens with tiktoken.
KNOWN = {
    "hello world": [15339, 1917],
    "tiktoken is great!": [83, 1609, 5963, 374, 2294, 0],
    "antidisestablishmentarianism": [519, 85342, 34500, 479, 8997, 2191],
    "2 + 2 = 4": [17, 489, 220, 17, 284, 220, 19],
    "お誕生日おめでとう": [33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699],
    "": [],
}


@pytest.mark.parametrize("text", KNOWN)
def test_cl100k_encodes_known_strings_to_their_published_ids(text: str, cl100k: Tokenizer) -> None:
    assert cl100k.encode(text).tolist() == KNOWN[text]
    assert cl100k.encode(text).dtype == np.int32


def test_cl100k_has_as_many_ids_as_published(cl100k: Tokenizer) -> None:
    assert cl100k.vocabulary_size == 100_256


def test_cl100k_takes_special_token_text_for_characters(cl100k: Tokenizer) -> None:
    assert cl100k.encode(SPECIAL).tolist() == [27, 91, 8862, 728, 428, 91, 29]


def test_tokenizer_json_takes_special_token_text_for_characters(small_tokenizer: Tokenizer) -> None:
    special = 0
    assert special not in small_tokenizer.encode(f"one {SPECIAL} two").tolist()
    assert len(small_tokenizer.encode(SPECIAL)) > 1


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs",))))
def test_byte_lengths_of_tokens_add_up_to_the_text(text: str, cl100k: Tokenizer) -> None:
    assert cl100k.byte_lengths(cl100k.encode(text)).sum() == len(text.encode())


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from("ab1.'ſ漢 \n\t\r\x1c\x85\u3000!"), min_size=2), data=st.data())
def test_cl100k_tokens_are_cut_where_it_promises(text: str, data: st.DataObject, cl100k: Tokenizer) -> None:
    spaces = [i for i in range(1, len(text)) if text[i] == " " and not text[i - 1].isspace()]
    if spaces:
        at = data.draw(st.sampled_from(spaces))
        halves = np.concatenate([cl100k.encode(text[:at]), cl100k.encode(text[at:])])
        assert np.array_equal(halves, cl100k.encode(text))


def test_damaged_vocabulary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = Path(module.__file__).with_name("cl100k_base.tiktoken.gz").read_bytes()
    lines = gzip.decompress(packed).splitlines(keepends=True)
    lines[100], lines[101] = lines[101], lines[100]
    (tmp_path / "cl100k_base.tiktoken.gz").write_bytes(gzip.compress(b"".join(lines), 1))
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    tokenizer.cache_clear()
    try:
        with pytest.raises(AtlasError, match="damaged; install Atlas again"):
            tokenizer("cl100k_base")
    finally:
        tokenizer.cache_clear()


@pytest.mark.parametrize("name", ["gpt2", "no/such/tokenizer.json"])
def test_unknown_tokenizer_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(AtlasError, match=f"'{name}': not known. Use 'cl100k_base' or the path of a tokenizer.json"):
        tokenizer(name)


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"\xff\xfe"])
def test_file_that_is_no_tokenizer_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=r"tokenizer\.json: is no tokenizer\.json that can be read"):
        tokenizer(str(path))


def test_tokenizer_json_is_named_by_folder_and_content(
    small_tokenizer_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_file = tokenizer(str(small_tokenizer_file))
    by_folder = tokenizer(str(small_tokenizer_file.parent))
    monkeypatch.chdir(small_tokenizer_file.parent)
    assert by_file.name.startswith("small@")
    assert by_file.name == by_folder.name == tokenizer("tokenizer.json").name
    other = tmp_path / "small" / "tokenizer.json"
    other.parent.mkdir()
    other.write_text(small_tokenizer_file.read_text() + "\n")
    assert tokenizer(str(other)).name != by_file.name
