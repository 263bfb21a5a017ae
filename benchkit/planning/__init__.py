"""What a path needs on paper, and a simulator for links that no one machine can emulate. Pure: no clock, no machine.

Nothing here is measured. Formulas give what is `computed`, the simulator what is `simulated`, and every
figure names its source by a key of `sources.SOURCES`.
"""
