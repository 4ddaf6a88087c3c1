"""A stand-in for Stripe's API: PaymentIntents made of shared payment tokens, refunds, lists.

Strict about what Stripe's reference asks for: the key by Basic or Bearer, a form body, known parameters only, an
idempotency key for every POST, under which the same answer comes again. A token says what becomes of it: `spt_ok…`
succeeds, `spt_declined…` is declined, `spt_action…` requires an action, `spt_500…` is made and answered with 500,
`spt_lost…` is refused with 500 before anything is made, `spt_slow…` is made and never answered.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.server import CUT, Answer, FakeServer, Seen

KEY = "sk_test_CANARY_of_stripe_0123456789"
INTENT_FIELDS = re.compile(
    r"amount|currency|confirm|shared_payment_granted_token|payment_method_types\[\d+\]|metadata\[[\w-]{1,40}\]"
)
REFUND_FIELDS = re.compile("payment_intent|amount|reason|metadata\\[[\\w-]{1,40}\\]")


def said(body: object, status: int = 200) -> Answer:
    return Answer(status, [("content-type", "application/json")], [json.dumps(body).encode()])


def refused(status: int, code: str, message: str) -> Answer:
    kind = "card_error" if status == 402 else "invalid_request_error"
    return said({"error": {"type": kind, "code": code, "message": message}}, status)


class StripeApi(FakeServer):
    def __init__(self) -> None:
        super().__init__(self.answer)
        self.intents: list[dict[str, Any]] = []
        self.refunds: list[dict[str, Any]] = []
        self._kept: dict[str, tuple[str, Answer]] = {}

    @property
    def charged(self) -> int:
        """How much is with the merchant, in base units."""
        taken = sum(one["amount"] for one in self.intents if one["status"] == "succeeded")
        return taken - sum(one["amount"] for one in self.refunds)

    def answer(self, seen: Seen) -> Answer:
        if problem := self._problem(seen):
            return problem
        path = seen.path.decode()
        if seen.method == "GET" and path == "/v1/payment_intents":
            return self._list(seen)
        if seen.method != "POST" or path not in ("/v1/payment_intents", "/v1/refunds"):
            return refused(404, "resource_missing", f"Unrecognized request URL ({seen.method}: {path})")
        key, form = (seen.get("idempotency-key") or b"").decode(), _form(seen)
        if not 0 < len(key) <= 255:
            return refused(400, "parameter_missing", "this stand-in wants an Idempotency-Key")
        content = json.dumps(sorted(form.items()))
        if key in self._kept:
            before, answer = self._kept[key]
            return answer if before == content else refused(400, "idempotency_error", "other parameters")
        answer = self._intent(form) if path == "/v1/payment_intents" else self._refund(form)
        self._kept[key] = (content, answer)
        return answer

    def _problem(self, seen: Seen) -> Answer | None:
        given = (seen.get("authorization") or b"").decode()
        basic = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
        if given not in (basic, f"Bearer {KEY}"):
            return refused(401, "api_key_invalid", "Invalid API Key provided")
        if seen.method == "POST" and seen.get("content-type") != b"application/x-www-form-urlencoded":
            return refused(400, "content_type", "a form is wanted")
        return None

    def _intent(self, form: dict[str, str]) -> Answer:
        unknown = [name for name in form if not INTENT_FIELDS.fullmatch(name)]
        if unknown:
            return refused(400, "parameter_unknown", f"Received unknown parameter: {unknown[0]}")
        token = form.get("shared_payment_granted_token", "")
        if not form.get("amount", "").isdigit() or not re.fullmatch("[a-z]{3}", form.get("currency", "")):
            return refused(400, "parameter_invalid", "amount and currency")
        if form.get("confirm") != "true" or not token.startswith("spt_"):
            return refused(400, "parameter_invalid", "confirm and shared_payment_granted_token")
        if any(one["token"] == token for one in self.intents):
            return refused(400, "shared_payment_token_used", "the token has been used")
        if token.startswith("spt_lost"):
            return said({"error": {"type": "api_error"}}, 500)
        if token.startswith("spt_declined"):
            return refused(402, "card_declined", "Your card was declined.")
        intent = {
            "id": f"pi_{len(self.intents) + 1}",
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "currency": form["currency"],
            "status": "requires_action" if token.startswith("spt_action") else "succeeded",
            "created": int(time.time()),
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            "token": token,
        }
        self.intents.append(intent)
        if token.startswith("spt_500"):
            return said({"error": {"type": "api_error"}}, 500)
        if token.startswith("spt_slow"):
            return Answer(200, [], [CUT])
        return said(_shown(intent))

    def _refund(self, form: dict[str, str]) -> Answer:
        if any(not REFUND_FIELDS.fullmatch(name) for name in form):
            return refused(400, "parameter_unknown", "unknown parameter")
        named = form.get("payment_intent")
        intent = next((one for one in self.intents if one["id"] == named), None)
        if intent is None or intent["status"] != "succeeded":
            return refused(400, "resource_missing", f"No such payment_intent: {named}")
        if any(one["payment_intent"] == named for one in self.refunds):
            return refused(400, "charge_already_refunded", "already refunded")
        refund = {"id": f"re_{len(self.refunds) + 1}", "payment_intent": named, "amount": intent["amount"]}
        self.refunds.append(refund)
        return said({**refund, "object": "refund", "status": "succeeded"})

    def _list(self, seen: Seen) -> Answer:
        query = {name: values[0] for name, values in parse_qs(seen.query.decode()).items()}
        first, last = int(query.get("created[gte]", 0)), int(query.get("created[lte]", 2**40))
        found = [one for one in reversed(self.intents) if first <= one["created"] <= last]
        if after := query.get("starting_after"):
            found = found[[one["id"] for one in found].index(after) + 1 :]
        page = found[: min(int(query.get("limit", 10)), 2)]  # small pages: there is more than one
        shown = [_shown(one) for one in page]
        return said({"object": "list", "data": shown, "has_more": len(found) > len(page)})


def _form(seen: Seen) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(seen.body.decode(), True).items()}


def _shown(intent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in intent.items() if name != "token"}
