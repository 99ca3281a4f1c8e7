"""``page``: ``url`` answers with 200, and with the text ``contains``, if that is given."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

from pilothouse.node.promising.generic import GenericPromise
from pilothouse.promises.declared import promise
from pilothouse.promises.patience import patient

_LARGEST = 4 * 1024 * 1024
_SHOWN = 200


class Answer:
    """What a web server said."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text


def fetched(url: str) -> Answer:
    """Return the answer of a web server, through no proxy. Raises OSError where there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return Answer(answer.status, answer.read(_LARGEST).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(_LARGEST).decode("utf-8", "replace"))
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP: {error!r}") from None


@promise
class RunPromise(GenericPromise):
    """Fetches the page as a browser would."""

    def sense(self) -> None:
        """Fetch it once it answers at all."""
        url, wanted = self.getConfig("url"), self.getConfig("contains", "")
        try:
            answer = patient(self, lambda: fetched(url))
        except OSError as error:
            self.logger.error("%s does not answer: %s", url, getattr(error, "reason", error))
            return
        if answer.status != 200:  # noqa: PLR2004 - the number says it best
            self.logger.error("%s answers with %d: %s", url, answer.status, answer.text[:_SHOWN].strip())
        elif wanted not in answer.text:
            self.logger.error("%s does not contain %r", url, wanted)
        else:
            self.logger.info("%s answers", url)
