"""``GenericPromise``, which plugins extend (node spec 13.4, 13.5); they import it as `slapos.grid.promise`."""

from __future__ import annotations

import logging
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from pilothouse.checks import evaluation, history
from pilothouse.checks.check import Check, executed
from pilothouse.checks.history import Execution, Line
from pilothouse.checks.result import ANOMALY, EMPTY, TEST
from pilothouse.node.promising.files import lines_backwards, title_of
from pilothouse.node.promising.logfile import PromiseLog

_PERIODICITY = 2.0  # minutes
_READ_BACK = re.compile(r"\d+")


class BaseResult:
    """What a promise found."""

    _type = EMPTY

    def __init__(self, problem: bool = False, message: str | None = None, date: datetime | None = None) -> None:
        self.problem = problem
        self.message = "" if message is None else message
        self.date = datetime.now(timezone.utc).replace(tzinfo=None) if date is None else date

    def hasFailed(self) -> bool:
        """Return whether there is a problem."""
        return self.problem

    def type(self) -> str:
        """Return the name of the kind of result."""
        return self._type


class EmptyResult(BaseResult):
    """Nothing was asked."""


class TestResult(BaseResult):
    """What a test found."""

    _type = TEST


class AnomalyResult(BaseResult):
    """What the search for an anomaly found."""

    _type = ANOMALY


class GenericPromise(ABC):
    """A promise: it senses, and says in its log what it sensed; the last executions in the log are the verdict.

    Subclasses define ``sense``, and ``test`` and ``anomaly`` where one execution is not enough to judge by.
    """

    _allow_bang: bool | None = None  # so that allowBang counts before the constructor, too

    def __init__(self, config: dict[str, Any]) -> None:
        self.__config = config
        self.__name = config["name"]
        self.__title = title_of(self.__name)
        self.__file = config["path"]
        self.__log_folder = config["log-folder"]
        self.__partition_folder = config["partition-folder"]
        self.__periodicity = _PERIODICITY
        self.__tested = self.__detected = True
        self.__id = history.execution_id(time.time())
        self.__log = PromiseLog(self.getLogFile(), self.__id)
        self.logger = self.__log.logger(self.__name, logging.INFO)
        if config.get("periodicity") is not None:
            self.setPeriodicity(float(config["periodicity"]))
        if self._allow_bang is None:
            self._allow_bang = str(config.get("bang-on-failure", "true")).lower() == "true"

    def getConfig(self, key: str, default: Any = None) -> Any:
        """Return a value of the configuration."""
        return self.__config.get(key, default)

    def setConfig(self, key: str, value: Any) -> None:
        """Set a value of the configuration."""
        self.__config[key] = value

    def getName(self) -> str:
        """Return the name of the promise's file."""
        return str(self.__name)

    def getTitle(self) -> str:
        """Return the name without its extension."""
        return self.__title

    def getPromiseFile(self) -> str:
        """Return the path of the promise's file."""
        return str(self.__file)

    def getPartitionFolder(self) -> str:
        """Return the folder of the partition."""
        return str(self.__partition_folder)

    def getLogFolder(self) -> str:
        """Return the folder of the logs."""
        return str(self.__log_folder)

    def getLogFile(self) -> str:
        """Return the path of the promise's log."""
        return os.path.join(self.__log_folder, self.__title + ".log")

    def setPeriodicity(self, minute: float) -> None:
        """Set how often an anomaly is looked for, in minutes. Raises ValueError unless it is above 0."""
        if minute <= 0:
            raise ValueError(f"Cannot set promise periodicity to a value less than or equal to 0: {minute}")
        self.__periodicity = minute

    def getPeriodicity(self) -> float:
        """Return how often an anomaly is looked for, in minutes."""
        return self.__periodicity

    def setTestLess(self) -> None:
        """Have no test."""
        self.__tested = False

    def setAnomalyLess(self) -> None:
        """Look for no anomaly."""
        self.__detected = False

    def isTested(self) -> bool:
        """Return whether there is a test."""
        return self.__tested

    def isAnomalyDetected(self) -> bool:
        """Return whether an anomaly is looked for."""
        return self.__detected

    def allowBang(self, allow: bool = True) -> None:
        """Say whether a failure asks the master to process the instances again."""
        self._allow_bang = allow

    @abstractmethod
    def sense(self) -> None:
        """Measure, and say in the log what was found: an error is a failure."""

    def test(self) -> Any:
        """Return whether the promise is kept."""
        return self._test(result_count=1, failure_amount=1)

    def anomaly(self) -> Any:
        """Return whether there is an anomaly."""
        return self._anomaly(result_count=1, failure_amount=1)

    def _test(self, result_count: int = 1, failure_amount: int = 1, latest_minute: float = 0) -> TestResult:
        verdict = self.__judged(result_count, failure_amount, latest_minute)
        return TestResult(problem=verdict.failed, message=verdict.message)

    def _anomaly(self, result_count: int = 1, failure_amount: int = 1, latest_minute: float = 0) -> AnomalyResult:
        verdict = self.__judged(result_count, failure_amount, latest_minute)
        return AnomalyResult(problem=verdict.failed, message=verdict.message)

    def getLastPromiseResultList(
        self, latest_minute: float = 0, result_count: int = 1, only_failure: bool = False
    ) -> list[list[dict[str, Any]]]:
        """Return what the last executions said, the latest first, each as a list of date, status and message."""
        last = evaluation.recent(self.__executions(), result_count, latest_minute, time.time())
        return [
            [_entry(line) for line in execution.lines if not only_failure or line.level in history.FAILURES]
            for execution in last
            if execution.failed or not only_failure
        ]

    def run(self, check_anomaly: bool = False, can_bang: bool = True) -> None:
        """Execute the promise once, and hand its result to the queue of the configuration."""
        check = Check(
            self.sense, self.test, self.anomaly, self.__failure, tested=self.__tested, detected=self.__detected
        )
        found = executed(check, anomaly=check_anomaly, clock=time.time)
        bang = check_anomaly and found.failed and bool(self._allow_bang) and can_bang
        if bang:
            self.logger.info("Bang with message 'Promise %s is failing'.", self.__title)
        self.__config["queue"].put((found, bang))

    def __failure(self, error: Exception) -> None:
        self.logger.error("%s", error)

    def __judged(self, count: int, failure_amount: int, latest_minute: float) -> evaluation.Verdict:
        last = evaluation.recent(self.__executions(), count, latest_minute, time.time())
        return evaluation.judged(last, failure_amount)

    def __executions(self) -> Iterator[Execution]:
        # this execution as it was said, not as it is in the log: the disk may be full
        if self.__log.said:
            yield Execution(self.__id, int(self.__id.partition("-")[0]), tuple(self.__log.said))
        for execution in history.backwards(lines_backwards(self.getLogFile())):
            if execution.id != self.__id:
                yield execution


def _entry(line: Line) -> dict[str, Any]:
    date = datetime(*map(int, _READ_BACK.findall(line.date)))  # type: ignore[arg-type]  # noqa: DTZ001 - as in the log
    return {"date": date, "status": line.level, "message": line.message}
