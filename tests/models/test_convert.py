"""Models as engines want them: what an adapter adds."""

import pytest
import torch
from safetensors.torch import load, save

from atlas.models.catalogue import adapter_bytes, named
from atlas.models.convert import add_adapter


def test_adapter_adds_the_product_of_its_halves_to_the_layers_it_names() -> None:
    down, up = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[10.0], [20.0]])
    weights = {"a.q.weight": torch.ones(2, 3), "a.k.weight": torch.ones(2, 3)}
    add_adapter(weights, save({"a.q.down": down.half(), "a.q.up": up.half()}))
    assert weights["a.q.weight"].tolist() == [[11, 21, 31], [21, 41, 61]]
    assert weights["a.k.weight"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_adapter_for_another_model_is_refused() -> None:
    with pytest.raises(KeyError, match=r"b\.q\.weight"):
        add_adapter({"a.q.weight": torch.ones(2, 3)}, save({"b.q.down": torch.ones(1, 3), "b.q.up": torch.ones(2, 1)}))


def test_shipped_adapter_changes_every_linear_layer_of_the_blocks() -> None:
    changes = load(adapter_bytes(named("atlas-tagger-135m").adapter))
    layers = {name.rsplit(".", 1)[0] for name in changes}
    assert len(layers) == 30 * 7
    assert all(torch.isfinite(tensor).all() for tensor in changes.values())
    ranks = {changes[f"{layer}.down"].shape[0] for layer in layers} | {
        changes[f"{layer}.up"].shape[1] for layer in layers
    }
    assert ranks == {12}
