"""The field guide of a run: of each concept the chunks and documents that show it best."""

from atlas.products.field_guide.write import field_guide

__all__ = ["field_guide"]
