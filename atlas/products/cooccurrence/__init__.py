"""Which concepts are on the same chunks, and how much more often than by chance."""

from atlas.products.cooccurrence.write import cooccurrence

__all__ = ["cooccurrence"]
