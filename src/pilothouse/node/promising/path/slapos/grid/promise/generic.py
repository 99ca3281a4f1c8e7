"""Another name of the same."""

from pilothouse.node.promising.generic import AnomalyResult, BaseResult, EmptyResult, GenericPromise, TestResult

__all__ = ["AnomalyResult", "BaseResult", "EmptyResult", "GenericPromise", "TestResult"]
