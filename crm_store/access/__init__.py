"""Who may see and do what: staff accounts, consent, erasure."""
