"""What a test is told whose faults did not come to pass."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from .plan import Plan
from .planned import Planned
from .values import Call

_MOST_CALLS = 6


def fault_report(test: str, plan: Plan) -> str:
    """The report of what is wrong with the plan of a test; empty if nothing is.

    Args:
        test: Node id, or what else planned it.
        plan: What it planned, and what reached upstream.
    """
    lines: list[str] = []
    if plan.problems:
        lines += [f"{test} planned a fault that cannot be:", ""]
        lines += [f"  {problem}" for problem in plan.problems]
    missed, calls = plan.missed, plan.calls
    if missed:
        lines += [""] if lines else []
        what = "faults" if len(missed) > 1 else "a fault"
        lines += [f"{test} planned {what} that never came to pass:", ""]
        for planned in missed:
            lines += [f"  {line}" if line else "" for line in _missed(planned, calls)]
            lines.append("")
        lines.append("  mend the match, or say optional=True if it need not come to pass")
    if unasked := plan.unasked:
        lines += [""] if lines else []
        lines += [f"{test} never asked for what agentcache_upstream.responses was to answer:", ""]
        lines += [f"  {each}" for each in unasked]
        lines += ["", "  unless that is meant: .assert_all_requests_are_fired = False"]
    return "\n".join(lines)


def _missed(planned: Planned, calls: tuple[Call, ...]) -> Iterator[str]:
    where = f"planned at {planned.planned_at}" if planned.planned_at else ""
    yield f"{planned.told:<46} {where}".rstrip()
    if not planned.began:
        yield "it holds inside a `with` alone, which never began"
        return
    if not calls:
        yield "nothing reached upstream"
        return
    wanted = planned.match.text if planned.match else ""
    near = sorted(calls, key=lambda call: -_nearness(wanted, call.request.url)) if wanted else calls
    yield "what reached upstream" + (", nearest first:" if wanted else ":")
    told = list(dict.fromkeys(map(str, near)))
    yield from (f"  {each}" for each in told[:_MOST_CALLS])
    if len(told) > _MOST_CALLS:
        yield f"  … and {len(told) - _MOST_CALLS} more"


def _nearness(wanted: str, url: str) -> float:
    return SequenceMatcher(None, wanted, url, autojunk=False).ratio()
