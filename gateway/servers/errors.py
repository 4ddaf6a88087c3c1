"""Errors before a server serves. Each text is meant for the operator, as it is."""


class ServeError(Exception):
    """The server cannot start (or could not be kept running)."""


class ListenError(ServeError):
    """The address is taken, not ours, or no address; or the inherited descriptor is no TCP socket."""


class StartError(ServeError):
    """The application's start-up hook failed, or a worker ended before it listened."""


class NotOfferedError(ServeError):
    """The named server or its library is not there, or the options contradict each other."""
