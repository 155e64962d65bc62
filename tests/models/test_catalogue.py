"""The catalogue: every entry says all that fetching it needs."""

import dataclasses

import pytest

from atlas.annotator.config import TrainConfig
from atlas.canonical.config import CanonicalizeConfig
from atlas.errors import AtlasError
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.models.catalogue import Model, catalogue, named


@pytest.mark.parametrize("model", catalogue().values(), ids=lambda model: model.name)
def test_entry_is_complete(model: Model) -> None:
    optional = {"main", "adapter"} if model.kind == "generator" else {"adapter"}
    empty = {name for name, value in dataclasses.asdict(model).items() if not value}
    assert empty <= optional
    assert model.kind in ("generator", "encoder")
    assert len(model.sha256) == 64
    assert int(model.sha256, 16) > 0
    assert not model.file.startswith(("/", "."))
    assert model.description.endswith(".")


def test_model_with_an_adapter_is_another_model_than_without() -> None:
    tagger = named("atlas-tagger-135m")
    plain = dataclasses.replace(tagger, adapter="")
    assert plain.digest == tagger.sha256 != tagger.digest
    assert tagger.digest == dataclasses.replace(tagger, description="Another.").digest


def test_models_that_settings_name_are_in_the_catalogue() -> None:
    assert named(CTranslate2Config().model).kind == "generator"
    assert named(CanonicalizeConfig().encoder).kind == "encoder"
    assert named(TrainConfig().encoder).kind == "encoder"


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(AtlasError, match=f"not in the catalogue.*{', '.join(catalogue())}"):
        named("gpt-9")
