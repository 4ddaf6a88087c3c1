"""Tokens in words."""

from tokens.pages.showing import moment, used_of

NOTHING = {
    "requests": 3,
    "requests_per_minute": None,
    "input_tokens_per_minute": None,
    "output_tokens_per_minute": None,
    "max_parallel_requests": None,
    "budget": None,
}
BUDGET = {"spent": "1.5", "reserved": "0", "remaining": "3.5", "resets_at": 0}


def test_limits_that_are_set_have_a_line_each() -> None:
    assert used_of(NOTHING) == ["3 requests in all"]
    limited = {**NOTHING, "budget": BUDGET, "input_tokens_per_minute": {"used": 7, "resets_at": None}}
    assert used_of({**limited, "groups": [{"name": "team", **NOTHING}]}) == [
        "3 requests in all",
        "7 input tokens in this minute",
        "1.5 spent, 0 reserved, 3.5 left, resets 1970-01-01 00:00 UTC",
        "team: 3 requests in all",
    ]


def test_what_is_no_date_stays_a_number() -> None:
    assert moment(0) == "1970-01-01 00:00" and moment(10**15) == str(10**15)
