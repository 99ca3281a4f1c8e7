"""Masking: a secret registered once is shown as ``******`` in every text, whole or in pieces.

Besides the secret itself its usual disguises are masked: JSON string, single-quoted shell word, URL quoting,
and base64 (also in the middle of a longer base64 text, as in a Basic authorization header).

Secrets of fewer than four characters are not registered: they occur by chance all over a log, and masking
them would make it unreadable while hardly hiding them. Command lines mask such values by position instead.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pilothouse.jobs.secret import MASK, Secret
from pilothouse.secrets.disguise import disguises

SHORTEST: Final = 4
_SHORTEST_LINE: Final = 8
_GROUPED_DEPTH: Final = 3


class Masker:
    """The secrets of a job. Registering is rare, masking is frequent; without secrets it costs nothing."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: set[str] = set()
        self._first: dict[str, tuple[str, ...]] = {}
        self._quick: re.Pattern[str] | None = None
        self._overlapping: re.Pattern[str] | None = None
        self._stale = False
        self.longest = 0
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | str) -> bool:
        """Register a secret from now on; says whether it is one that can be masked (see the module's text)."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        if len(text) < SHORTEST or text in MASK:
            return False
        for part in {text, text.strip(), *_long_lines(text)}:
            if len(part) >= SHORTEST and part not in self._forms:
                self._forms.update(disguises(part))
                self._stale = True
        return True

    @property
    def active(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self._forms)

    def mask(self, text: str) -> str:
        """Return ``text`` with every registered secret replaced."""
        if not self._forms:
            return text
        spans = self.spans(text)
        if not spans:
            return text
        pieces: list[str] = []
        done = 0
        for start, end in spans:
            pieces += (text[done:start], MASK)
            done = end
        return "".join((*pieces, text[done:]))

    def stream(self) -> "MaskedStream":
        """Return a fresh stream that masks with these secrets, also those added later."""
        return MaskedStream(self)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) of all secrets in ``text``, in order, overlapping ones as one."""
        quick, overlapping = self._patterns()
        if quick is None or overlapping is None or not (first := quick.search(text)):
            return []
        spans: list[tuple[int, int]] = []
        for match in overlapping.finditer(text, first.start()):
            start, end = match.span(1)
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def unfinished(self, text: str) -> int:
        """Return where in ``text`` a secret may have begun that its end cuts off; its length when none has."""
        self._patterns()
        length = len(text)
        for start in range(max(0, length - self.longest + 1), length):
            forms = self._first.get(text[start])
            if forms and any(len(form) > length - start and form.startswith(text[start:]) for form in forms):
                return start
        return length

    def _patterns(self) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        if self._stale:
            forms = sorted(self._forms, key=len, reverse=True)
            pattern = _alternation(forms, _GROUPED_DEPTH)
            self._quick = re.compile(pattern)
            self._overlapping = re.compile(f"(?=({pattern}))")
            self._first = {letter: tuple(group) for letter, group in _by_first(forms)}
            self.longest = len(forms[0])
            self._stale = False
        return self._quick, self._overlapping


class MaskedStream:
    """Masks a text that comes in pieces; the result is that of masking the whole.

    Only what may be the beginning of a secret is held back, until the next piece or ``flush``.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""
        # How many of the held characters belong to a secret whose mask has been handed out already.
        self._covered = 0

    def feed(self, chunk: str) -> str:
        """Take a piece and return what can be shown by now."""
        if not self._held and not self._masker.active:
            return chunk
        text = self._held + chunk
        return self._show(text, self._masker.unfinished(text))

    def flush(self) -> str:
        """Return what was held back: the stream ends or pauses here."""
        shown = self._show(self._held, len(self._held))
        self._covered = 0
        return shown

    def _show(self, text: str, until: int) -> str:
        pieces: list[str] = []
        done = 0
        for start, end, announced in self._spans(text):
            if not announced:
                if start >= until:
                    break
                pieces += (text[done:start], MASK)
            done = end
        pieces.append(text[done:until])
        self._held = text[until:]
        self._covered = max(0, done - until)
        return "".join(pieces)

    def _spans(self, text: str) -> Iterator[tuple[int, int, bool]]:
        covered = self._covered
        for start, end in self._masker.spans(text):
            if start < covered:
                covered = max(covered, end)
                continue
            if covered:
                yield 0, covered, True
                covered = 0
            yield start, end, False
        if covered:
            yield 0, covered, True


def _long_lines(text: str) -> list[str]:
    # Logs are cut into lines, so the lines of a private key must be known one by one.
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if len(line) >= _SHORTEST_LINE] if len(lines) > 1 else []


def _by_first(forms: list[str]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for form in forms:
        groups.setdefault(form[0], []).append(form)
    return list(groups.items())


def _alternation(forms: list[str], depth: int) -> str:
    """Return a pattern for any of the forms, longest first; grouped by first letters, so that few are tried."""
    if depth == 0 or len(forms) == 1 or "" in forms:
        return "|".join(re.escape(form) for form in forms)
    branches = [
        f"{re.escape(letter)}(?:{_alternation([form[1:] for form in group], depth - 1)})"
        for letter, group in _by_first(forms)
    ]
    return "|".join(branches)
