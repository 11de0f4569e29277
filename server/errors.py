"""This file is what can go wrong on our side and is worth a name.

BeforehandError
├── ConfigurationError     beforehand.toml or policy.toml is wrong: the key's path and what was expected
├── NotFound               no such order, ticket, workspace: 404
├── Forbidden              not allowed for this principal: 403
├── Unauthenticated        nobody we know is asking: 401
├── BadInput               the request is wrong: 400, with what was expected and where
├── Conflict               what it was about has changed, or contradicts what was said before: 409
├── Gone                   it is too late: 410
├── NotNow                 what has to be checked first cannot be, for the moment: 503, nothing was done
└── AlreadyRunning         another process owns the database file
"""


class BeforehandError(Exception):
    """Something that is said to the user in words, not as a traceback."""


class ConfigurationError(BeforehandError):
    """A configuration value is wrong. The text names the file, the key's path and what was expected."""


class NotFound(BeforehandError):
    """There is no such thing in this workspace."""


class Forbidden(BeforehandError):
    """The principal may not do this."""


class Unauthenticated(BeforehandError):
    """The request carries no good token."""


class BadInput(BeforehandError):
    """The request is wrong; the text says what was expected and where."""


class Conflict(BeforehandError):
    """It contradicts what is stored: something changed meanwhile, or a key was used for something else.

    *differences* say what, in words; *version* is the one to decide on now.
    """

    def __init__(self, text: str, *, differences: tuple[str, ...] = (), version: int | None = None) -> None:
        super().__init__(text)
        self.differences = differences
        self.version = version


class Gone(BeforehandError):
    """It is too late: what was to be decided has expired."""


class NotNow(BeforehandError):
    """What has to be checked first cannot be checked for the moment: nothing was done, and trying again may help."""


class AlreadyRunning(BeforehandError):
    """Another process owns the database file."""
