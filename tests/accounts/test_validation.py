"""Each wrong field is refused by its name, before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import services
from accounts.errors import BadAccount
from accounts.validation import CHECKS, check_refreshable, clean

KEY = {"name": "one", "source": "api_key", "secret": "sk-ant-api03-one"}


@pytest.mark.django_db  # a kind of login is asked of its provider's row
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"source": "api_key", "secret": "k"}, "name"),
        ({"name": "x", "secret": "k"}, "source"),
        ({**KEY, "name": "a b"}, "name"),
        ({**KEY, "name": ""}, "name"),
        ({**KEY, "name": 7}, "name"),
        ({**KEY, "name": "x" * 65}, "name"),
        ({**KEY, "name": "primary"}, "name"),
        ({**KEY, "name": "account-3"}, "name"),
        ({**KEY, "name": "api-key"}, "name"),
        ({**KEY, "source": "magic"}, "source"),
        ({**KEY, "secret": ""}, "secret"),
        ({**KEY, "secret": "a\nb"}, "secret"),
        ({**KEY, "secret": "ż"}, "secret"),
        ({**KEY, "secret": 5}, "secret"),
        ({**KEY, "location": "/x"}, "location"),
        ({**KEY, "refresh_token": "r"}, "refresh_token"),
        ({**KEY, "weight": 0}, "weight"),
        ({**KEY, "weight": True}, "weight"),
        ({**KEY, "weight": "5"}, "weight"),
        ({**KEY, "priority": -1}, "priority"),
        ({**KEY, "priority": None}, "priority"),
        ({**KEY, "max_parallel": 0}, "max_parallel"),
        ({**KEY, "pause_at_percent": 101}, "pause_at_percent"),
        ({**KEY, "is_paused": "yes"}, "is_paused"),
        ({"name": "x", "source": "environment", "location": "TOKEN_SECRET"}, "location"),
        ({"name": "x", "source": "environment", "location": "TOKEN_ADMIN_KEY_FILE"}, "location"),
        ({"name": "x", "source": "environment", "location": "OPENAI_COMPATIBLE_API_KEY"}, "location"),
        (
            {"name": "x", "source": "environment", "location": "ANTHROPIC_API_KEY", "provider": "p"},
            "location",
        ),
        ({**KEY, "proxy": "ftp://h"}, "proxy"),
        ({**KEY, "proxy": "h:1"}, "proxy"),
        ({**KEY, "request_caps": {"requests": 1}}, "request_caps"),
        ({**KEY, "request_caps": [{"requests": 1}]}, "request_caps"),
        ({**KEY, "request_caps": [{"requests": 0, "window_seconds": 1}]}, "request_caps"),
        ({**KEY, "magic": 1}, "magic"),
        ({"name": "x", "source": "directory", "location": "relative"}, "location"),
        ({"name": "x", "source": "directory"}, "location"),
        ({"name": "x", "source": "directory", "location": "/x", "secret": "k"}, "secret"),
        ({"name": "x", "source": "environment", "location": "not a name"}, "location"),
        ({"name": "x", "source": "environment", "location": "TOKEN_SECRET"}, "location"),
        ({"name": "x", "source": "oauth", "secret": "a", "expires_at": 1790000000000}, "expires_at"),
        ({"name": "x", "source": "oauth", "secret": "a", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "source": "oauth", "refresh_token": "r"}, "secret"),
    ],
)
def test_each_wrong_field_is_named(values: dict[str, Any], field: str) -> None:
    with pytest.raises(BadAccount) as problem:
        services.check(None, values)
    assert problem.value.field == field and field in str(problem.value)


@pytest.mark.parametrize(
    "proxy",
    ["http://h:1", "socks5h://u:p@h:1/", "http://[::1]:8080", "socks5://h:1", "http://user:p%40ss@h", ""],
)
def test_proxies_that_are_taken(proxy: str) -> None:
    assert clean({"proxy": proxy}) == {"proxy": proxy}


@given(
    st.sampled_from(sorted(CHECKS)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
)
def test_no_value_does_more_than_be_refused(field: str, value: Any) -> None:
    try:
        clean({field: value})
    except BadAccount as problem:
        assert problem.field == field


def test_another_vendors_pair_is_never_taken_since_it_would_be_refreshed_at_anthropics():
    with pytest.raises(BadAccount) as bad:
        check_refreshable("oauth", "openai")
    assert bad.value.field == "provider"
    check_refreshable("api_key", "openai")
    check_refreshable("oauth", "anthropic")
