"""The engine's fixtures."""

from tests.support.flow_fixtures import engine, fast_simulator, furnished, workspace

__all__ = ["engine", "fast_simulator", "furnished", "workspace"]
