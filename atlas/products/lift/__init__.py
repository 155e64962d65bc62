"""Lift sets: the words and tokens that the chunks of a concept favour, and those that they avoid."""

from atlas.products.lift.write import lift

__all__ = ["lift"]
