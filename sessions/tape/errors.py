"""What can be wrong with a tape."""


class TapeError(RuntimeError):
    """A tape cannot be read or written; the message says why and what to do."""


class NotATape(TapeError):
    """The file is something else."""


class TapeCorrupted(TapeError):
    """The file is a tape and its bytes are damaged."""


class TapeKeyError(TapeError):
    """The tape is sealed and the key is missing or another one."""
