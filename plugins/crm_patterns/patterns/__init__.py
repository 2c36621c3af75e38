"""Decisions: pure functions, one module per pattern."""
