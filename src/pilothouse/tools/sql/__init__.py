"""SQL files run against databases, each with a status, a log and its history (spec section 6.8)."""
