"""What goes wrong upstream, planned by the test, in front of whatever is recorded."""

from .plan import Plan
from .planned import Planned
from .report import fault_report
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
