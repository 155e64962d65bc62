"""The errors that a user can mend: their message says what is wrong, where, and what to do."""


class AtlasError(Exception):
    """Wrong input or settings. The command line prints the message alone and exits with status 2."""


class IncompleteRun(AtlasError):
    """A run ended without an account of every record. The command line exits with status 1."""
