"""Files to conversations: `reading/` reads a file (pure), the others store what it holds. docs/imports.md has the rules."""
