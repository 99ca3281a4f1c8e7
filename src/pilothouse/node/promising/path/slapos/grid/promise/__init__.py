"""What promise plugins import (node spec 13.4)."""

from pilothouse.node.promising.generic import AnomalyResult, EmptyResult, GenericPromise, TestResult
from pilothouse.node.promising.portions import Portions

__path__ = Portions(__name__, __path__[0])
__all__ = ["AnomalyResult", "EmptyResult", "GenericPromise", "TestResult"]
