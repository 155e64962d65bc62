"""Windows of tokens with their concepts, for training: from a token stream or from annotated shards.

Importing this needs pyarrow and numpy alone. ``atlas.reader.torch_data`` puts windows behind a torch ``DataLoader``.
"""

from atlas.reader.batch import Batch
from atlas.reader.labels import NONE
from atlas.reader.read import open_corpus, read_windows
from atlas.reader.stream import Stream
from atlas.reader.window import Span, Window
from atlas.reader.windows import Windows

__all__ = ["NONE", "Batch", "Span", "Stream", "Window", "Windows", "open_corpus", "read_windows"]
