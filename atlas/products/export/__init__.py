"""What every export shares: the run it reads, the folder it writes, Parquet with bytes that depend on rows alone."""
