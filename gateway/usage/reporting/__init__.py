"""Usage as people ask for it: any period, by person, token, group, model, account, provider, surface and day."""
