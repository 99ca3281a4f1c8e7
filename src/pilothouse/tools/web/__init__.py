"""Files fetched from and sent to web and FTP servers by the runner."""
