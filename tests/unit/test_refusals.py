"""An engineer is told at the agent what its responders do not answer, and not too often."""

from __future__ import annotations

from benchkit.campaign.agent import REASONS, WARN_NS, Refusals
from benchkit.model.samples import REFUSED, Samples, column


def test_an_agent_tells_at_once_and_then_after_a_while_with_all_since() -> None:
    said: list[str] = []
    refusals = Refusals(said.append)

    def refuse(**counts: int) -> None:
        columns = {name: column([counts.get(name, 0)]) for name in REASONS}
        refusals.take("STAMP", Samples(REFUSED, "", "", columns))

    refusals.tell(0)
    assert said == []
    refuse(too_often=3, unsent=1)
    refusals.tell(1)
    assert said == [
        "STAMP: 4 packets not answered: 3 beyond --rate-cap, 1 that found no way back; 4 since the start"
    ]
    refuse(not_allowed=2)
    refuse(not_allowed=5)
    refusals.tell(WARN_NS)
    assert len(said) == 1
    refusals.tell(WARN_NS + 1)
    assert said[1:] == [
        "STAMP: 7 packets not answered: 7 from addresses that --allow does not name; 11 since the start"
    ]
