"""Row level security: its policies, the middleware that tells it whose request it is, and whether it holds."""
