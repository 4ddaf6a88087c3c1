"""Pure readers and writers of the wire languages: call fields, usage, errors, events, envelopes."""
