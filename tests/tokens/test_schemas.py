"""Shapes of OpenAPI follow what may be set: no limit is described that would be refused."""

from __future__ import annotations

from tokens import fields, services
from tokens.handover import services as handover
from tokens.schemas import ChangeIn, IssueIn


def test_inputs_describe_exactly_what_is_taken() -> None:
    enabled = set(fields.enabled(fields.TOKEN_FIELDS))
    assert set(IssueIn.model_fields) == {"ttl_hours", "label", "handover"} | enabled
    assert set(ChangeIn.model_fields) == {"expires_at", "label"} | enabled
    assert set(IssueIn.model_fields) <= {*services.ISSUABLE, handover.FIELD}
    assert set(ChangeIn.model_fields) <= set(services.CHANGEABLE)
