"""Whether trainers read our files: in an environment of their own."""
