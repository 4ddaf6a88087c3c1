"""What a token may ask for, before anything is sent."""

from __future__ import annotations

from fnmatch import fnmatchcase

from providers.dialects.types import Call, Failure, FailureKind, Refused
from tokens.registry import TokenRecord


def admit(token: TokenRecord, call: Call) -> None:
    """Raises `Refused` when the token is not for this surface, or for the model that was asked."""
    if token.allowed_surfaces and call.surface not in token.allowed_surfaces:
        raise Refused(
            Failure(FailureKind.PERMISSION, f"This token may not use the {call.surface} API")
        )
    if not token.allowed_models:
        return
    if call.fields.model is None:
        if call.surface in UNMODELLED:
            return
        raise Refused(
            Failure(
                FailureKind.INVALID_REQUEST,
                "model: a string is required, since this token is limited to certain models",
                param="model",
            )
        )
    admit_model(token, call.fields.model)


def admit_model(token: TokenRecord, model: str) -> None:
    """Raises `Refused` when the token's list has no pattern for this name."""
    if token.allowed_models and not any(fnmatchcase(model, pattern) for pattern in token.allowed_models):
        raise Refused(Failure(FailureKind.PERMISSION, f"This token may not use the model {model}", param="model"))


UNMODELLED = frozenset({"models", "model"})
"""Surfaces that ask for no model."""
