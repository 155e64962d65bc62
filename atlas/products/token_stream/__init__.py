"""Write a token stream: what an annotated run becomes for training. ``atlas.reader`` reads it."""
