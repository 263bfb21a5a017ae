"""Keys and values of a target file that cannot be: each is one line, and says what would be right."""

from __future__ import annotations

import pytest
from target_files import FACT, GOOD, TIMES, problems

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            'duration = "1 s"',
            'duratoin = "1 s"',
            "x.toml:35: plan.duratoin: unknown key; did you mean 'duration'?",
            id="unknown key",
        ),
        pytest.param(
            "mtu = 1400",
            "colour = 1",
            "x.toml:24: path[1].model.colour: unknown key; known are jitter, distribution, deviations, loss, bursts, reorder, duplicate, trace, route_factor, equipment, rate, buffer, mtu, delay, forward, backward",
            id="unknown key, nothing near",
        ),
        pytest.param(
            'to = "far"',
            'to = "far"\nfrmo = "x"',
            "x.toml:22: path[1].frmo: unknown key; did you mean 'from'?",
            id="unknown key of a path",
        ),
        pytest.param(
            'to = "far"',
            'to = "far"\nlimit = "5 ms"',
            "x.toml:22: path[1].limit: unknown key here; it belongs below [[path.budget]]",
            id="key of an array of tables within",
        ),
        pytest.param(
            "mtu = 1400",
            'forward = { rate = "1 Mbit/s" }',
            "x.toml:24: path[1].model.forward.rate: unknown key here; it belongs one table up, below [path.model]",
            id="key of the table around",
        ),
        pytest.param(
            "schema = 1",
            'schema = 1\nduration = "1 s"',
            "x.toml:2: duration: unknown key here; it belongs below [plan]",
            id="key of a table within",
        ),
        pytest.param(
            "[defaults.model]",
            '[defaults.model]\ndelay = "5 ms"',
            "x.toml:16: defaults.model.delay: unknown key here; it belongs below [path.model]",
            id="key of one path among the defaults",
        ),
        pytest.param(
            'duration = "1 s"',
            'duration = "10 mss"',
            f"x.toml:35: plan.duration: '10 mss' is not a duration: the unit must be {TIMES}; did you mean '10 ms'?",
            id="wrong unit",
        ),
        pytest.param(
            'duration = "1 s"',
            "duration = 10",
            "x.toml:35: plan.duration: 10 must be a text with its unit, like '10 s'",
            id="number without unit",
        ),
        pytest.param(
            '[[site]]\nname = "far"',
            '[[site]]\nname = "Far away"\n[[site]]\nname = "far"',
            "x.toml:11: site[2].name: 'Far away' is not a name: use a to z, 0 to 9 and '-' within, at most 63 of them; did you mean 'far-away'?",
            id="no name",
        ),
        pytest.param(
            'title = "Two ends"',
            "title = 2",
            "x.toml:2: title: 2 must be a text in quotes, like 'this'",
            id="wrong type of title",
        ),
        pytest.param(
            'title = "Two ends"',
            'title = "Two\\nends"',
            "x.toml:2: title: 'Two\\nends' must be one line of text, without tabs and the like",
            id="two lines",
        ),
        pytest.param(
            'title = "Two ends"',
            "",
            'x.toml:1: title: is missing: write title = "My channels"',
            id="missing key",
        ),
        pytest.param(
            "schema = 1",
            "schema = 2",
            "x.toml:1: schema: 2 is no layout of files that this benchkit reads: write schema = 1",
            id="another schema",
        ),
        pytest.param(
            "schema = 1",
            "schema = true",
            "x.toml:1: schema: true is no layout of files that this benchkit reads: write schema = 1",
            id="a schema that Python takes for 1",
        ),
        pytest.param(
            "[plan]",
            '[meter]\nname = "m"\n[plan]',
            "x.toml:34: meter: a table must be [[meter]], with two brackets",
            id="a table for an array of them",
        ),
        pytest.param(
            "mtu = 1400",
            "forward = 3",
            "x.toml:24: path[1].model.forward: 3 must be a table, which begins with [path.model.forward]",
            id="no table",
        ),
        pytest.param(
            'limit = "90 Mbit/s"',
            "limit = 90",
            "x.toml:32: path[1].budget[2].limit: 90 must be a text, like '900 Mbit/s'",
            id="a limit without quotes",
        ),
        pytest.param(
            'metric = "goodput"\nlimit = "90 Mbit/s"',
            'metric = "loss"\nlimit = 0.1',
            "x.toml:32: path[1].budget[2].limit: 0.1 must be a text, like '0.1 %'",
            id="a limit of loss without quotes",
        ),
        pytest.param(
            "schema = 1",
            'schema = 1\nmesh = "half"',
            "x.toml:2: mesh: 'half' is no mesh: write 'full', or pairs, like [['guiyang', 'hangzhou'], ['guiyang', 'shenzhen']]",
            id="no mesh",
        ),
        pytest.param(
            "schema = 1",
            'schema = 1\nmesh = [["near", "far"], ["near"]]',
            "x.toml:2: mesh: element 2 is no pair of sites: write them like [['guiyang', 'hangzhou'], ['guiyang', 'shenzhen']]",
            id="no pair",
        ),
        pytest.param(
            'rate = "50/s"',
            'rate = "0.5 kHz"',
            "x.toml:36: plan.rate: '0.5 kHz' is not a rate: the unit must be /h, /min or /s, like '500/s'",
            id="a unit that is none",
        ),
        pytest.param(
            "mtu = 1400",
            "mtu = 1400.0",
            "x.toml:24: path[1].model.mtu: 1400.0 must be a whole number, like 8, without quotes",
            id="wrong type of mtu",
        ),
        pytest.param(
            "mtu = 1400",
            "mtu = 575",
            "x.toml:24: path[1].model.mtu: 575 must be 576 or more",
            id="small mtu",
        ),
        pytest.param(
            "route_factor = 1.2",
            "route_factor = inf",
            "x.toml:16: defaults.model.route_factor: inf must be a finite number, like 1.5",
            id="infinite",
        ),
        pytest.param(
            'loss = "0 %"',
            'loss = "100.5 %"',
            "x.toml:17: defaults.model.loss: '100.5 %' is more than 100 %: a share is 0 % to 100 %",
            id="loss over 100 %",
        ),
        pytest.param(
            'loss = "0 %"',
            'loss = "-1 %"',
            "x.toml:17: defaults.model.loss: '-1 %' is negative: a share is zero or more, like '0.1 %'",
            id="loss below 0 %",
        ),
        pytest.param(
            'loss = "0 %"',
            'loss = "0.01"',
            "x.toml:17: defaults.model.loss: '0.01' has no unit: a share is written like '0.1 %' (%)",
            id="loss without unit",
        ),
        pytest.param(
            'duration = "1 s"',
            'duration = "0 s"',
            "x.toml:35: plan.duration: '0 s' must be more than zero",
            id="no duration",
        ),
        pytest.param(
            'duration = "1 s"',
            'duration = "25 h"',
            "x.toml:35: plan.duration: '25 h' must be 24 h or less",
            id="absurd duration",
        ),
        pytest.param(
            'rate = "50/s"',
            'rate = "0/s"',
            "x.toml:36: plan.rate: '0/s' is not above zero: it is written like '500/s'",
            id="no rate",
        ),
        pytest.param(
            'rate = "50/s"',
            'rate = "1000001/s"',
            "x.toml:36: plan.rate: '1000001/s' is more than can be sent on a path: take 1000000/s or less; for load, the probe udp",
            id="absurd rate",
        ),
        pytest.param(
            'rate = "50/s"',
            'probes = ["rtt", "rtt"]',
            "x.toml:36: plan.probes: has 'rtt' twice: name each once",
            id="probes twice",
        ),
        pytest.param(
            'rate = "50/s"',
            'probes = ["sctp"]',
            "x.toml:36: plan.probes[1]: 'sctp' is no probe: write one of rtt, icmp, connect, request, http, http-fresh, http-load, tcp, udp, workload",
            id="unknown probe",
        ),
        pytest.param(
            'rate = "50/s"',
            'probes = "rtt"',
            "x.toml:36: plan.probes: 'rtt' must be an array, like ['rtt']",
            id="no array",
        ),
        pytest.param(
            'rate = "50/s"',
            'congestion = "cubic; reboot"',
            "x.toml:36: plan.congestion: 'cubic; reboot' is not a congestion control: write 'cubic' or 'bbr'",
            id="no congestion control",
        ),
        pytest.param(
            'to = "far"',
            'to "far"',
            "x.toml:21: not TOML: Expected '=' after a key in a key/value pair (column 4)",
            id="wrong syntax",
        ),
        pytest.param(
            "[[path]]",
            "[site]\nname = 'x'\n[[path]]",
            "x.toml:19: not TOML: Cannot declare ('site',) twice (column 6): put the keys into one [site], or where there "
            "are several write each as [[site]]",
            id="one table after many",
        ),
        pytest.param(
            "[plan]",
            "[one]\n[[one]]\n[plan]",
            "x.toml:35: not TOML: Cannot overwrite a value (column 6): there is one [one] before it: write that with two "
            "brackets too",
            id="many tables after one",
        ),
        pytest.param(
            'to = "far"',
            'to = "far"\nto = "moon"',
            "x.toml:22: not TOML: Cannot overwrite a value (column 12): that key is there already: leave one of the two",
            id="a key twice",
        ),
        pytest.param(
            'to = "far"',
            'to = "far',
            "x.toml:21: not TOML: Illegal character '\\n' (column 10): close the quote in that line",
            id="a quote left open",
        ),
        pytest.param(
            'rate = "50/s"\n',
            "rate =",
            "x.toml:36: not TOML: Invalid value (end of the file)",
            id="wrong syntax at the end",
        ),
        pytest.param(
            "schema = 1",
            f"schema = 1\nx = {'9' * 5000}",
            "x.toml:1: a number of thousands of digits: no target has one",
            id="endless number",
        ),
    ],
)
def test_bad_input_is_one_line_with_file_line_key_value_and_what_would_be_right(
    old: str, new: str, says: str
) -> None:
    assert GOOD.count(old) >= 1
    assert problems(GOOD.replace(old, new, 1)) == (says,)


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace('duration = "1 s"', 'duratoin = "1 s"').replace('to = "far"', 'to = "moon"')
    text = text.replace("mtu = 1400", "mtu = 1").replace(FACT, 'fact = "guizhou-2024:pu"')
    assert [line.split(" ")[0] for line in problems(text)] == [
        "x.toml:21:",
        "x.toml:24:",
        "x.toml:28:",
        "x.toml:35:",
    ]


def test_a_target_without_paths_or_sites_says_so() -> None:
    assert problems('schema = 1\ntitle = "Empty"\npath = []\n') == (
        "x.toml:1: site: there is none: write at least two [[site]] tables, each with a name",
        "x.toml:3: path: there is none: write at least one [[path]] with `from` and `to`",
    )
