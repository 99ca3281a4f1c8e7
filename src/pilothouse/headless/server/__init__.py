"""The server of headless batches: listeners, login, sessions, and the decisions behind them."""
