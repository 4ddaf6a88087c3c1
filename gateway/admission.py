"""What a token may ask for, before anything is sent."""

from __future__ import annotations

from providers.dialects.types import Call, Failure, FailureKind, Refused
from tokens.records import TokenRecord

UNMODELLED = frozenset({"models", "model"})
"""Surfaces that ask for no model."""


def admit(token: TokenRecord, call: Call) -> None:
    """Raises `Refused` when the token is not for this surface, or not for the model that was asked."""
    if token.is_surface_restricted and not token.may_use_surface(call.surface):
        raise Refused(Failure(FailureKind.PERMISSION, f"This token may not use the {call.surface} surface"))
    if not token.is_model_restricted or call.surface in UNMODELLED:
        return
    if call.fields.model is None:
        message = "model: a string is required, since this token is limited to certain models"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param="model"))
    admit_model(token, call.fields.model)


def admit_model(token: TokenRecord, model: str) -> None:
    """Raises `Refused` when the token's lists have no pattern for this name."""
    if not token.may_use_model(model):
        raise Refused(
            Failure(FailureKind.PERMISSION, f"This token may not use the model {model}", param="model")
        )
