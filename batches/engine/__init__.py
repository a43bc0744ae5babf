"""The engine: dispatch, claim, ask and file an item, and recover from every failure. The contract is docs/execution.md."""
