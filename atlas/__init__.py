"""Atlas labels language-model corpora with human-understandable concepts."""

__version__ = "0.1.0"
