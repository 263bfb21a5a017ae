"""The emulator measured before anything is measured through it: its floor, its wires, and every delay it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.campaign import calibration, calibration_words, phases, wire
from benchkit.campaign.performance import Performance
from benchkit.campaign.phases import Phase
from benchkit.campaign.setup import Setup
from benchkit.emulators.link import modelled
from benchkit.errors import UnfitError
from benchkit.model.record import TRIED_AGAIN, Calibration

ATTEMPTS = ("first", "second", "third")


class Calibrator:
    """Asked against got, for the modelled paths of one campaign."""

    def __init__(self, setup: Setup, performance: Performance) -> None:
        """Calibrate its emulated paths; `phases` says in what phases."""
        plan, emulated = setup.question.target.plan, setup.question.target.emulated
        self._emulated = emulated
        self._emulation = setup.emulation
        self._performance = performance
        self._log = setup.log
        self._models = modelled(emulated)
        self._wires = (*phases.wire_phases(emulated), *phases.rate_phases(plan, emulated))
        self._floor, self._got = phases.calibration_phases(plan, emulated)
        self._remarks: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What it takes, if the first attempt does."""
        return self._floor, *self._wires, self._got

    def calibrate(self, emulator: str, tolerance_ns: int) -> bool:
        """Whether the emulator holds every path; a second and third try where the machine stumbled.

        Raises UnfitError for a delay below what the emulator has with none.
        """
        self._emulation.apply([model.bare for model in self._models])
        self._performance.run(self._floor)
        asked = (*self._wires, self._got)
        troubles: list[str] = []
        missed: list[str] = []
        for attempt in ATTEMPTS:
            if troubles:
                missed.append(f"{troubles[0].removesuffix(calibration_words.REMEDY)}{TRIED_AGAIN}")
                self._performance.say(missed[-1])
                self._performance.forget(asked)
            found = self._asked_against_got(asked, tolerance_ns)
            troubles = calibration_words.out_of_tolerance(found, emulator)
            if not troubles:
                self._note_held(attempt, missed)
                return True
            asked = (*self._wires_again(found), self._got)
        self._log.unfit += troubles
        return False

    def _note_held(self, attempt: str, missed: Sequence[str]) -> None:
        """What missed at first and was held in the end is one note, not several that sound as if it had not been."""
        if missed:
            self._log.notes = [each for each in self._log.notes if each not in missed]
            what = missed[-1].removesuffix(TRIED_AGAIN).rpartition(": ")[0]
            self._log.notes.append(f"calibration held at the {attempt} try; before that, {what}")

    def _note(self, found: Sequence[Calibration]) -> None:
        """Say which buffers were not filled and whose packets catch up, and not again what was said of an earlier try."""
        self._log.notes = [each for each in self._log.notes if each not in self._remarks]
        self._remarks = (
            *wire.unmeasured(self._emulated, self._log.harvest),
            *calibration_words.caught_up(self._emulated, found, self._got.packets_per_s),
        )
        self._log.notes += self._remarks

    def _wires_again(self, found: Sequence[Calibration]) -> list[Phase]:
        """The phases of those wires that did not give what was asked of them."""
        wrong = {one.path for one in found if one.quantity in wire.QUANTITIES and not one.within}
        return [
            each for each in self._wires if wrong.intersection(path.name for path in each.paths)
        ]

    def _asked_against_got(self, asked: Sequence[Phase], tolerance_ns: int) -> list[Calibration]:
        """Measure wires without delay, then everything else, and compare. Raises UnfitError below the floor."""
        *wires, got = asked
        self._emulation.apply([model.bare for model in self._models])
        for phase in wires:
            self._performance.run(phase)
        self._emulation.apply([model.still for model in self._models])
        self._performance.run(got)
        found = calibration.calibrations(self._emulated, self._log.harvest, tolerance_ns)
        self._log.calibration = found
        self._note(found)
        # A floor is how long packets take with no delay, and a shorter delay cannot be given. That of a mesh was taken with
        # thousands of packets a second that all wait for each other, none of them held back: on its shortest paths it may
        # be more than what they take when delays spread them. Where such a delay was measured and is right, it is given.
        held = {path.name for path in self._emulated if path.in_mesh}
        impossible = calibration_words.below_the_floor(
            self._emulated, [one for one in found if one.path not in held or not one.within]
        )
        if impossible:
            raise UnfitError(impossible[0])
        return found
