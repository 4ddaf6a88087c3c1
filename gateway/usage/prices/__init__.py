"""Prices of models: rows, their copy in memory, the management API's part."""
