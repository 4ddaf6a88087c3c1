"""Paths of a bearer's own, answered here: name, methods, path and summary of each."""

TELEMETRY, MANAGED_SETTINGS = "telemetry", "managed_settings"
OWN_USAGE, OWN_ACCOUNT = "own_usage", "me"

PERSONAL = (
    *(
        (TELEMETRY, ("POST",), f"/v1/{signal}", "OTLP telemetry of clients: taken, and dropped or sent on")
        for signal in ("metrics", "logs", "traces")
    ),
    (MANAGED_SETTINGS, ("GET", "HEAD"), "/managed/settings", "The settings that the bearer's person gets"),
    (OWN_USAGE, ("GET", "HEAD"), "/api/oauth/usage", "What is spent of the bearer's budget"),
    (
        OWN_ACCOUNT,
        ("GET", "HEAD"),
        "/v1/me",
        "The bearer's limits, budget, models, use of 30 days, and last errors",
    ),
)
