"""`invoke new.project`, `new.stack`, `new.function` and `new.module`: working skeletons, each with tests that pass."""
