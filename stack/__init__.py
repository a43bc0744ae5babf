"""What `./run` starts on a bare machine: the data folder, PostgreSQL, Valkey and a process supervisor. No Django models."""
