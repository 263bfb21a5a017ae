"""The test set-up of a campaign (RFC 2544, section 6): all that stands while its phases are carried out."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.campaign.crew import Crew
from benchkit.campaign.events import Observer
from benchkit.campaign.log import Log
from benchkit.campaign.question import Question
from benchkit.campaign.stations import NO_AGENTS, Agents
from benchkit.emulators.link import Emulation


@dataclass(frozen=True)
class Setup:
    """The question, the emulation that runs, who works at its sites, who watches, and what is known so far."""

    question: Question
    emulation: Emulation
    crew: Crew
    observe: Observer
    log: Log
    agents: Agents = NO_AGENTS
