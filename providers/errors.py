"""Errors of the `providers` app.

No HTTP statuses: `gateway/relay/errors.py` maps classes to them.
"""


class ProviderError(Exception):
    """The root of this app's errors."""


class ForeignUrl(ProviderError):
    """Raised for a path that would have led away from the provider's scheme or host."""


class BadProvider(ProviderError):
    """Raised for a wrong field of a provider.

    `field` names it; `problem` is the reference's text where it has one.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"invalid provider config: {problem}")
        self.field = field
        self.problem = problem


class BadImport(ProviderError):
    """Raised for a wrong import file.

    `line` counts from 1; None when the file as a whole is meant.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"{problem} (line {line})")
        self.line = line


class UnknownProvider(ProviderError):
    """Raised when no provider has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("provider not found")
        self.name = name


class BadRoute(ProviderError):
    """Raised for a wrong field of a route or of the model map.

    `field` names it.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class UnknownRoute(ProviderError):
    """Raised when no route has that model pattern."""

    def __init__(self, model: str) -> None:
        super().__init__(f"no route for {model!r}")
        self.model = model


class NoRoute(ProviderError):
    """Raised when no provider can serve a call."""


class UnknownModel(ProviderError):
    """Raised when a translated surface asks for a model that nothing maps to one of the upstream's."""

    def __init__(self, model: str) -> None:
        super().__init__(f"The model `{model}` does not exist here or you do not have access to it")
        self.model = model
