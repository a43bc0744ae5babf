"""The engine: ring, claim, file, and what happens when it goes wrong. The contract is docs/execution.md."""
