"""State that several processes share through Redis: ledger, sessions, change bus, peers."""
