"""Work on machines while nobody watches: jobs, services and headless batches in one package."""

__version__ = "0.1.0"
