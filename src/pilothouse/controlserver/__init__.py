"""Finding and calling the control server: address, signed calls, what answers mean (spec sections 1.9, 1.11, 9)."""
