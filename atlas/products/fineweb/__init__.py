"""A run in the layout of the public FineWeb Atlas, so that its users' code runs on ours."""

from atlas.products.fineweb.write import fineweb

__all__ = ["fineweb"]
