"""Surfaces and models that a token may ask for."""

from dataclasses import replace

import pytest

from gateway.relay.admission import admit, admit_model
from providers.dialects.types import Call, CallFields, FailureKind, Refused
from tokens.records import Limits, TokenRecord, unrecorded


def token(*limits: Limits) -> TokenRecord:
    own, *shared = limits
    plain = unrecorded("id", "label", (0, 1))
    return TokenRecord(
        plain.id, plain.label, 0, 1, None, False, None, None, None, "id", own=own, shared=tuple(shared)
    )


def call(model: str | None = "claude-sonnet-5", surface: str = "messages") -> Call:
    return Call(surface, "POST", b"/v1/messages", b"", (), b"{}", CallFields(model=model))


def test_without_lists_everything_is_allowed() -> None:
    admit(token(Limits("id")), call())
    admit(token(Limits("id")), call(None))


@pytest.mark.parametrize("model", ["claude-haiku-5", "gpt-5", "xclaude-sonnet-5"])
def test_a_model_outside_the_list_is_forbidden_by_name(model: str) -> None:
    with pytest.raises(Refused) as refused:
        admit(token(Limits("id", allowed_models=("claude-sonnet-*",))), call(model))
    assert refused.value.failure.kind is FailureKind.PERMISSION
    assert model in refused.value.failure.message


def test_who_signed_in_is_told_that_the_request_is_wrong() -> None:
    limited = replace(token(Limits("person:1", allowed_models=("claude-*",))), is_sign_in=True)
    with pytest.raises(Refused) as refused:
        admit(limited, call("gpt-5"))
    failure = refused.value.failure
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, "model")
    admit(limited, call("claude-haiku-5"))


def test_the_tightest_list_wins() -> None:
    both = token(Limits("id", allowed_models=("claude-*",)), Limits("group:1", allowed_models=("*-haiku-*",)))
    admit(both, call("claude-haiku-5"))
    with pytest.raises(Refused):
        admit(both, call("claude-sonnet-5"))


def test_a_call_without_a_model_is_refused_naming_the_field() -> None:
    limited = token(Limits("id", allowed_models=("claude-*",)))
    with pytest.raises(Refused) as refused:
        admit(limited, call(None))
    assert refused.value.failure.kind is FailureKind.INVALID_REQUEST
    assert refused.value.failure.param == "model"
    admit(limited, call(None, "models"))  # a list asks for no model


def test_a_surface_outside_the_list_is_forbidden() -> None:
    limited = token(Limits("id", allowed_surfaces=("messages",)))
    admit(limited, call())
    with pytest.raises(Refused) as refused:
        admit(limited, call(surface="chat_completions"))
    assert "chat_completions" in refused.value.failure.message


def test_the_served_name_is_looked_at_too() -> None:
    with pytest.raises(Refused):
        admit_model(token(Limits("id", allowed_models=("alias-*",))), "claude-opus-5")
