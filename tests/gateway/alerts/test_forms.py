"""A message in each channel's own form."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from gateway.alerts import forms, wording

SAID = wording.content("budget", "firing", "group:a<b", 80, {"percent": 83, "label": "a<b & @everyone"})
LETTER = forms.Letter("msg_1", SAID, "2026-11-29T14:36:00Z", "https://router.example.org/console/alerts/")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks: its libraries' test vector."""
    body = b'{"test": 2432232314}'
    signed = forms.sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_says_everything() -> None:
    post = forms.webhook(LETTER, SECRET, 1614265330)
    body = json.loads(post.body)
    assert set(body) == {
        "id", "event", "state", "severity", "subject", "threshold", "title", "text", "details", "at", "url",
    }  # fmt: skip
    headers = dict(post.headers)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", "1614265330")
    assert headers["webhook-signature"] == forms.sign(SECRET, "msg_1", 1614265330, post.body)


def test_chats_have_their_own_forms_and_nobody_is_called_by_a_name() -> None:
    slack = json.loads(forms.slack(LETTER).body)
    assert list(slack) == ["text"] and "a&lt;b &amp; @everyone" in slack["text"]
    discord = json.loads(forms.discord(LETTER).body)
    assert "a<b" in discord["content"] and discord["allowed_mentions"] == {"parse": []}
    [card] = json.loads(forms.teams(LETTER).body)["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard" and card["content"]["actions"][0]["url"] == LETTER.url
    long = forms.Letter("1", {**SAID, "text": "x" * 5_000}, "", "")
    assert len(json.loads(forms.discord(long).body)["content"]) <= 2_000
    assert "actions" not in json.loads(forms.teams(long).body)["attachments"][0]["content"]


def test_a_mail_is_plain_text_with_the_title_for_a_subject() -> None:
    mail = forms.email(
        LETTER, "Router <router@example.org>", "a@example.org, b@example.org", datetime.now(UTC)
    )
    assert mail["Subject"] == SAID["title"] and mail.get_content_type() == "text/plain"
    assert mail["Message-ID"] == "<msg_1@example.org>"
    assert SAID["text"] in mail.get_content() and LETTER.url in mail.get_content()
