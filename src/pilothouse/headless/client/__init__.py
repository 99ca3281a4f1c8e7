"""The headless client: one call, a few milliseconds of its own, an exact return code.

Everything here is imported for each batch of a crontab, so it does without msgspec, asyncio and pathlib:
a bare interpreter starts in 10 ms, each of these adds 10 to 50.
"""
