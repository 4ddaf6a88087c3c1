"""Refuse what a token may not ask for, before anything is sent."""

from __future__ import annotations

from gateway.exchange.surfaces import UNMODELLED
from gateway.usage.batches.requests import is_about, is_made, models_of
from providers.dialects.types import Call, Failure, FailureKind, Refused
from tokens.records import TokenRecord


def admit(token: TokenRecord, call: Call, *, has_model: bool = True) -> None:
    """Admit the call, or raise `Refused`: the token is not for this surface, or not for this model.

    `has_model` False: it is about what the token has got already.
    """
    if token.is_surface_restricted and not token.may_use_surface(call.surface):
        raise Refused(Failure(FailureKind.PERMISSION, f"This token may not use the {call.surface} surface"))
    if not token.is_model_restricted or call.surface in UNMODELLED or not has_model:
        return
    if is_about(call):
        for model in models_of(call.body) if is_made(call) else ():
            admit_model(token, model)
        return
    if call.fields.model is None:
        message = "model: a string is required, since this token is limited to certain models"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param="model"))
    admit_model(token, call.fields.model)


def admit_model(token: TokenRecord, model: str) -> None:
    """Admit the model, or raise `Refused` when the token's lists have no pattern for this name."""
    if token.may_use_model(model):
        return
    if token.is_sign_in:  # as Claude Code expects it of a gateway that it is signed in to
        words = f"model: you may not use {model}"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, words, param="model"))
    raise Refused(Failure(FailureKind.PERMISSION, f"This token may not use the model {model}", param="model"))
