"""Reviews outside: a CSV file with a row for each conversation goes out, decisions and edits come back. docs/imports.md has the rules."""
