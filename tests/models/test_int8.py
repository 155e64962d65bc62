"""The sentence model in int8, made from the real one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from atlas.errors import AtlasError
from atlas.models.encoder import encoder
from atlas.models.fetch import locate
from atlas.models.int8 import Int8Encoder, int8_encoder

MODEL = "all-minilm-l6-v2"
TEXTS = ["tides", "a much longer text about the rise and fall of the sea " * 40, "chess", "tax law in Norway"]


@pytest.fixture(scope="module")
def int8() -> Int8Encoder:
    return int8_encoder(MODEL)


def test_vectors_are_nearly_those_of_the_sentence_model(int8: Int8Encoder) -> None:
    vectors = int8.encode(TEXTS)
    assert vectors.shape == (4, int8.dimensions) == (4, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors * encoder(MODEL).encode(TEXTS)).sum(axis=1).min() > 0.98


def test_text_has_the_same_vector_whatever_stands_beside_it(int8: Int8Encoder) -> None:
    texts = [*TEXTS, *(f"number {number} of many texts" for number in range(800))]
    together = int8.encode(texts)
    assert np.array_equal(together[:4], int8.encode(TEXTS))
    assert np.array_equal(together[400], int8.encode([texts[400]])[0])


def test_all_of_a_long_text_is_read(int8: Int8Encoder) -> None:
    sea, chess = ("the tide goes out and the boats lie dry " * 40, "chess openings and how to answer them " * 40)
    both, openings = int8.encode([sea + chess, chess])
    assert both @ openings > int8.encode([sea])[0] @ openings + 0.3


def test_no_text_gives_no_vector(int8: Int8Encoder) -> None:
    assert int8.encode([]).shape == (0, 384)


def test_it_is_known_by_weights_and_recipe(int8: Int8Encoder) -> None:
    assert int8_encoder(MODEL) is int8
    assert int8.digest != encoder(MODEL).digest


def test_model_that_pools_in_another_way_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(locate(MODEL), folder)
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(AtlasError, match="pooling_mode_max_tokens"):
        int8_encoder(str(folder))
