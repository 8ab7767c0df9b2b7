"""Failures and responses of the upstream that a test plans, in front of the cassette."""

from .fault_report import fault_report
from .plan import Plan
from .planned import Planned
from .upstream import Upstream
from .values import NOTHING_PLANNED, Call, Selection

__all__ = [
    "NOTHING_PLANNED",
    "Call",
    "Plan",
    "Planned",
    "Selection",
    "Upstream",
    "fault_report",
]
