"""The control server beside the original master: requests per second, their times, and what commands take to start."""
