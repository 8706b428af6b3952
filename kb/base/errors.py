"""Errors that keep the service from working. A writer's mistake is a value, a `Problem`."""

from kb.base.messages import Message


class KBError(Exception):
    """The service cannot do what was asked; the message is one line and ends with the next step."""

    @property
    def message(self) -> Message:
        """The message; one that was raised as plain text is not translated."""
        return reason(self)


def reason(error: Exception) -> Message:
    """What an exception says: the Message it was raised with, the system's words, or its text."""
    argument = error.args[0] if error.args else ""
    if isinstance(argument, Message):
        return argument
    told = error.strerror if isinstance(error, OSError) else ""
    return Message("{text}", text=told or str(error))


class ConfigError(KBError):
    """A setting cannot be used as it stands."""


class ArticlesMissing(KBError):
    """The articles folder does not exist."""


class IndexMissing(KBError):
    """No build has been published yet."""


class IndexDamaged(KBError):
    """No published build can be read."""


class BuildFailed(KBError):
    """A new build could not be finished; the old one goes on serving."""


class MailFailed(KBError):
    """The mail server did not take a letter, or not for everybody."""


class MailRefused(MailFailed):
    """The mail server will never take a letter: there is no such mailbox."""


class BuildBusy(BuildFailed):
    """Another process is building; later it can be done."""


class NoticeLost(KBError):
    """A push notice could not be kept; it may be sent again."""


class LogUnavailable(KBError):
    """The log of searches cannot be reached; searching goes on."""


class SearchUnavailable(KBError):
    """The cluster that searches does not answer; pages do."""
