"""Background jobs about conversations: each module is one kind, with its start and its `run`."""
