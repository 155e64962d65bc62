"""Carry an annotated run to an edited library: new ids in the shards, without annotator or LLM."""

from atlas.products.remap.run import Remapped, remap

__all__ = ["Remapped", "remap"]
