"""SQL over annotated runs, and the questions that auditors ask of them."""
