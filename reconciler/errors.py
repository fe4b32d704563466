"""The four ways something can go wrong, told apart by what the caller does about it."""


class ReconcilerError(Exception):
    """Base of the errors that this program raises on purpose; `str()` is one line for a person."""


class Retryable(ReconcilerError):
    """A passing fault (time-out, 5xx, limit, cut body): try again later, keep what is stored."""


class NeedsOperator(ReconcilerError):
    """A fault that only a person can mend (wrong key, missing right): stop this feed and say so."""


class BadRecord(ReconcilerError):
    """One record that cannot be understood: quarantine it and go on with the rest."""


class ConfigError(ReconcilerError):
    """The configuration cannot be used: refuse to start and name the key."""
