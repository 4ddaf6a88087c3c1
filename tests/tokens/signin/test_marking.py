"""A sign-in says when it was used last, to the minute; the mark costs one UPDATE for many calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services
from tokens.signin.marking import mark_used
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db


def test_a_mark_is_renewed_once_a_minute(django_assert_num_queries: Any) -> None:
    who = person()
    one, two = sign_in(who), sign_in(who)
    plain = services.issue(principal=SOMEBODY).token
    assert mark_used({one.id, two.id, plain.id, "nobody"}, 1_000) == 2
    assert mark_used({one.id}, 1_060) == 0
    assert mark_used({one.id}, 1_061) == 1
    assert sorted(SignIn.objects.values_list("last_used_at", flat=True)) == [1_000, 1_061]
    with django_assert_num_queries(0):
        assert mark_used(set(), 2_000) == 0
