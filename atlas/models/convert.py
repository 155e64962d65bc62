"""Turn models as they ship into what engines run."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"]
NOT_SETTINGS = ("quantization_config", "_name_or_path", "_model_name_or_path")  # they tell of the file read


def gguf_to_ctranslate2(gguf: Path, target: Path, scratch: Path, adapter: bytes | None = None) -> None:
    """Convert a GGUF causal language model to CTranslate2 int8."""
    checkpoint = scratch / "checkpoint"
    gguf_to_checkpoint(gguf, checkpoint, "float32", adapter)
    with quiet():
        checkpoint_to_ctranslate2(checkpoint, target)
    shutil.rmtree(checkpoint)


def gguf_to_checkpoint(gguf: Path, target: Path, dtype: str = "bfloat16", adapter: bytes | None = None) -> None:
    """Convert a GGUF causal language model to a Hugging Face checkpoint: safetensors, and the tokenizer.

    ``adapter`` is added to the weights; see ``add_adapter``.

    bfloat16 is what engines compute in, and far finer than weights of four bits; float32 loses nothing at all.

    A model read from GGUF refuses ``save_pretrained``, so its weights are copied into a fresh model of the
    same configuration, which is saved.
    """
    with quiet():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        place = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
        read = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
        settings = {k: v for k, v in read.config.to_dict().items() if k not in NOT_SETTINGS}
        fresh = type(read)(type(read.config)(**settings))
        fresh.load_state_dict(read.state_dict())
        if adapter:
            add_adapter(fresh.state_dict(), adapter)
        fresh.to(getattr(torch, dtype))
        fresh.save_pretrained(target)
        AutoTokenizer.from_pretrained(**place).save_pretrained(target)


def add_adapter(weights: "dict[str, torch.Tensor]", adapter: bytes) -> None:
    """Add low-rank changes (Hu et al., 2021) to the weights of linear layers, in place.

    ``adapter`` is a safetensors file with ``LAYER.down`` [rank, in] and ``LAYER.up`` [out, rank] for each layer that
    changes; their product is the change. ``benchmarks/fit_tagger.py`` writes such files.
    """
    from safetensors.torch import load

    changes = load(adapter)
    for layer in {name.rsplit(".", 1)[0] for name in changes}:
        weights[f"{layer}.weight"] += changes[f"{layer}.up"].float() @ changes[f"{layer}.down"].float()


def checkpoint_to_ctranslate2(checkpoint: Path, target: Path) -> None:
    """Convert a Hugging Face checkpoint folder to CTranslate2 int8, its tokenizer beside it."""
    from ctranslate2.converters import TransformersConverter

    present = [name for name in TOKENIZER_FILES if (checkpoint / name).is_file()]
    TransformersConverter(str(checkpoint), copy_files=present).convert(str(target), quantization="int8", force=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own progress bars and reports out of the user's terminal."""
    import logging

    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
    transformers_logging.set_verbosity(level)
