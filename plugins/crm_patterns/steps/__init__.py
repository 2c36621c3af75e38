"""The verbs: one module per step; they speak to the world through `core.ports` only."""
