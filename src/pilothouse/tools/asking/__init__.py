"""Asking the operator while an operation runs, and waiting for the answer (spec section 4.12)."""
