"""What goes wrong upstream, planned by the test, in front of whatever is recorded."""

from .plan import Plan
from .planned import Planned
from .report import fault_report
from .upstream import Upstream
from .values import Call, Fault, Selection, behind, fault_of, native

__all__ = [
    "Call",
    "Fault",
    "Plan",
    "Planned",
    "Selection",
    "Upstream",
    "behind",
    "fault_of",
    "fault_report",
    "native",
]
