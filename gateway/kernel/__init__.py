"""Parts that every app needs and none owns: secrets, redaction, change listeners, atomic files.

Imports no app.
"""
