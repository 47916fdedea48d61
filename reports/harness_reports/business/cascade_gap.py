"""Why a use case has no cascade, and what to do."""

from __future__ import annotations

from harness_reports.business.viability import Candidates
from harness_reports.prices.cascade import Part, cascades
from harness_reports.reasons import Reason


def why_no_cascade(candidates: Candidates) -> Reason:
    """Return what the candidates lack for a cascade, where `best_cascade` finds none.

    They are those of the best candidate's data: candidates of other data answer other items.
    """
    place = candidates.best.evidence.quality.place
    evidence = [each.evidence for each in candidates.judged if each.evidence.quality.place == place]
    if len(evidence) == 1:
        return Reason("cascade of one")
    priced = {each.evidence.key for each in candidates.judged if each.business is not None}
    parts = [Part(each.measured, each.pricing, each.cost) for each in evidence if each.key in priced]
    if len(parts) < 2:  # noqa: PLR2004 - a cascade takes two
        return Reason("cascade without values", {"count": len(parts), "of": len(evidence)})
    timed = sum(part.usd_per_1k is not None for part in parts)
    if timed < 2:  # noqa: PLR2004
        return Reason("cascade without prices", {"count": timed, "of": len(evidence)})
    made = cascades(parts)
    if not made:
        return Reason("cascade of the best")
    gaps = [gap for cascade in made if (gap := cascade.pair.gap()) is not None]
    return gaps[0] if len(gaps) == len(made) else Reason("cascade without threshold")
