"""Decisions, and the errors of clients that lead back to them."""

from types import SimpleNamespace

from pytest_agentcache.http.messages import Request
from pytest_agentcache.replay.decisions import Fail
from pytest_agentcache.replay.native_errors import caused_by, decision_in


def test_decision_is_found_in_an_error_that_clients_have_wrapped():
    """The search follows causes, contexts, reasons and arguments, and survives a circle."""
    decision = Fail("refuse", Request("GET", "https://api.example/"))
    error = caused_by(decision, OSError("refused"))
    outer = ValueError(SimpleNamespace(), Exception(error))
    outer.__cause__ = KeyError()
    outer.__cause__.__context__ = outer

    assert decision_in(outer) is decision
    assert decision_in(KeyError()) is None
    wrapped = Exception()
    wrapped.reason = error
    assert decision_in(wrapped) is decision
