"""The errors that a user can mend: their message says what is wrong, where, and what to do."""


class AtlasError(Exception):
    """Wrong input or settings. The command line prints the message alone and exits with status 2."""


class Unavailable(AtlasError):
    """What every record needs is not there, such as a server: the run stops, and no record is to blame."""


class IncompleteRun(AtlasError):
    """A run ended without an account of every record. The command line exits with status 1."""
