"""Files fetched from and sent to web servers by the runner."""
