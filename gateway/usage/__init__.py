"""Usage of calls: estimates, metering, recorder, spool, daily sums, reports."""
