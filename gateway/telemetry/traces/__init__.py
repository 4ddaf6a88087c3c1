"""Traces of our own calls for a collector (OpenTelemetry), where one is named. Clients' telemetry is elsewhere."""
