"""What can go wrong in `providers`. No HTTP statuses: `gateway/errors.py` maps classes to them."""


class ProviderError(Exception):
    """The root of this app's errors."""


class SecretUnreadable(ProviderError):
    """A stored secret does not open with any of our keys, or is no stored secret at all."""


class ForeignUrl(ProviderError):
    """A path would have led away from the provider's scheme or host."""


class BadProvider(ProviderError):
    """A field of a provider is wrong. `field` names it; `problem` is the reference's text where it has one."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"invalid provider config: {problem}")
        self.field = field
        self.problem = problem


class BadImport(ProviderError):
    """An import file is wrong. `line` counts from 1; None when the file as a whole is meant."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"{problem} (line {line})")
        self.line = line


class UnknownProvider(ProviderError):
    """No provider has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("provider not found")
        self.name = name


class BadRoute(ProviderError):
    """A field of a route or of the model map is wrong. `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class UnknownRoute(ProviderError):
    """No route has that model pattern."""

    def __init__(self, model: str) -> None:
        super().__init__(f"no route for {model!r}")
        self.model = model


class NoRoute(ProviderError):
    """No provider can serve this call."""


class UnknownModel(ProviderError):
    """A translated surface asks for a model that nothing maps to one of the upstream's."""

    def __init__(self, model: str) -> None:
        super().__init__(f"The model `{model}` does not exist here or you do not have access to it")
        self.model = model
