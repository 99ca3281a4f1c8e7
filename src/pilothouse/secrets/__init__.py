"""Secrets: sealed envelopes, the ciphers of older installations (read only), and masking of every stream."""
