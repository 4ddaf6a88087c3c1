"""The management API, its OpenAPI document, the operator's reports, and Django's middleware."""
