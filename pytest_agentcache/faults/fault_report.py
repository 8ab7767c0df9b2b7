"""The report on planned faults that did not occur."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from .plan import Plan
from .planned import Planned
from .values import Call

_MOST_CALLS = 6


def fault_report(test: str, plan: Plan) -> str:
    """Return the report on the plan of a test; empty if all of its faults occurred.

    Args:
        test: The node id of the test, or another name of the plan's owner.
        plan: The planned faults, and the requests that reached upstream.
    """
    lines: list[str] = []
    if plan.problems:
        lines += [f"{test} planned an impossible fault:", ""]
        lines += [f"  {problem}" for problem in plan.problems]
    if missed := plan.missed:
        calls = plan.calls
        lines += [""] if lines else []
        what = "faults" if len(missed) > 1 else "a fault"
        lines += [f"{test} planned {what} that never occurred:", ""]
        for planned in missed:
            lines += [f"  {line}" if line else "" for line in _missed(planned, calls)]
            lines.append("")
        lines.append("  fix the match, or pass optional=True if the fault may not occur")
    if unrequested := plan.unrequested:
        lines += [""] if lines else []
        lines += [f"{test} did not request these responses of agentcache_upstream.responses:", ""]
        lines += [f"  {each}" for each in unrequested]
        lines += ["", "  if that is intended: .assert_all_requests_are_fired = False"]
    return "\n".join(lines)


def _missed(planned: Planned, calls: tuple[Call, ...]) -> Iterator[str]:
    where = f"planned at {planned.planned_at}" if planned.planned_at else ""
    yield f"{planned.call:<46} {where}".rstrip()
    if not planned.began:
        yield "it is active only in a `with` block, which was never entered"
        return
    if not calls:
        yield "no request reached upstream"
        return
    wanted = planned.match.text if planned.match else ""
    near = sorted(calls, key=lambda call: -_nearness(wanted, call.request.url)) if wanted else calls
    yield "requests that reached upstream" + (", most similar first:" if wanted else ":")
    texts = list(dict.fromkeys(map(str, near)))
    yield from (f"  {each}" for each in texts[:_MOST_CALLS])
    if len(texts) > _MOST_CALLS:
        yield f"  … and {len(texts) - _MOST_CALLS} more"


def _nearness(wanted: str, url: str) -> float:
    return SequenceMatcher(None, wanted, url, autojunk=False).ratio()
