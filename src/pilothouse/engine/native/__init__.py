"""Operations that the engine itself carries out, without a process (spec section 6.7)."""
