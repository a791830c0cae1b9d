"""The two ways a command ends early, each one line for the user."""


class BadInput(ValueError):
    """Something the user gave is not what was expected; exit code 2.

    The message names the file or setting, what was expected, and ends with what came.
    """

    exit_code = 2


class OtherFormat(BadInput):
    """A file is as it should be, but another version of this software wrote it."""


class RunFailed(RuntimeError):
    """The input was right but the run did not reach its goal; exit code 1."""

    exit_code = 1
