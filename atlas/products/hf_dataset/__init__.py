"""A run as a Hugging Face dataset: Parquet, dataset card, Croissant metadata."""

from atlas.products.hf_dataset.write import hf_dataset

__all__ = ["hf_dataset"]
