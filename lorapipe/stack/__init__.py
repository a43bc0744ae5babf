"""The process side of `./run`: the data folder, PostgreSQL, Valkey and the supervisor. No Django models."""
