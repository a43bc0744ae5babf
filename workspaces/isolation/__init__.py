"""Row level security: the database itself shows a request only the rows of its person's workspaces (docs/decisions/0035)."""
