"""Sites, paths, models and budgets that cannot be: each is one line, and says what would be right."""

from __future__ import annotations

import pytest
from target_files import FACT, GOOD, PLACED, TIMES, problems

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            'to = "far"',
            'to = "farr"',
            "x.toml:21: path[1].to: 'farr' is no site; did you mean 'far'?",
            id="unknown site",
        ),
        pytest.param(
            'to = "far"',
            'to = "moon"',
            "x.toml:21: path[1].to: 'moon' is no site; known sites are near, far",
            id="unknown site, nothing near",
        ),
        pytest.param(
            'to = "far"',
            'to = "Far"',
            "x.toml:21: path[1].to: 'Far' is not a name: use a to z, 0 to 9 and '-' within, at most 63 of them; did you mean 'far'?",
            id="a site in capitals",
        ),
        pytest.param(
            'name = "far"',
            'name = "Far"',
            "x.toml:11: site[2].name: 'Far' is not a name: use a to z, 0 to 9 and '-' within, at most 63 of them; did you mean 'far'?",
            id="its name in capitals: what follows from that is not told",
        ),
        pytest.param(
            'name = "far"\n',
            "",
            'x.toml:10: site[2].name: is missing: write name = "guiyang"',
            id="a site without a name: nor is what follows from that",
        ),
        pytest.param(
            'to = "far"\n',
            "",
            'x.toml:19: path[1].to: is missing: write to = "hangzhou"',
            id="no end",
        ),
        pytest.param(
            'to = "far"',
            'to = "near"',
            "x.toml:21: path[1].to: 'near' is where the path begins; name another site",
            id="path to itself",
        ),
        pytest.param(
            FACT,
            'fact = "guizhou-2024:guiyang-shenzen"',
            "x.toml:28: path[1].budget[1].fact: 'guizhou-2024:guiyang-shenzen' is not in the seeds; did you mean 'guizhou-2024:guiyang-shenzhen'?",
            id="unknown fact",
        ),
        pytest.param(
            FACT,
            'fact = "guizhou-2024:x"',
            "x.toml:28: path[1].budget[1].fact: 'guizhou-2024:x' is not in the seeds; known facts of guizhou-2024 are guiyang-guangzhou, guiyang-shenzhen, guiyang-hangzhou, backbone-capacity, pue, key-data-centres, national-direct-connection, international-data-channel",
            id="unknown fact, nothing near",
        ),
        pytest.param(
            FACT,
            'fact = "guizou-2024:guiyang-shenzhen"',
            "x.toml:28: path[1].budget[1].fact: 'guizou-2024:guiyang-shenzhen' is not in the seeds; did you mean 'guizhou-2024:guiyang-shenzhen'?",
            id="unknown document",
        ),
        pytest.param(
            FACT,
            'fact = "sla:rtt"',
            "x.toml:28: path[1].budget[1].fact: 'sla:rtt' is not in the seeds; known documents are guizhou-2024",
            id="unknown document, nothing near",
        ),
        pytest.param(
            FACT,
            'fact = "10 ms"',
            "x.toml:28: path[1].budget[1].fact: '10 ms' is not a citation: write document:fact, like 'guizhou-2024:guiyang-guangzhou'",
            id="no citation",
        ),
        pytest.param(
            '["guizhou-2024:pue"]',
            '["guizhou-2024:pui"]',
            "x.toml:3: context[1]: 'guizhou-2024:pui' is not in the seeds; did you mean 'guizhou-2024:pue'?",
            id="unknown context",
        ),
        pytest.param(
            FACT,
            'fact = "guizhou-2024:backbone-capacity"',
            f"x.toml:28: path[1].budget[1].fact: 'guizhou-2024:backbone-capacity' is no budget for rtt: '400 Gbit/s' is not a duration: the unit must be {TIMES}, like '10 ms'",
            id="fact of another unit",
        ),
        pytest.param(
            FACT,
            'limit = "10 %"',
            f"x.toml:28: path[1].budget[1].limit: '10 %' is not a duration: the unit must be {TIMES}, like '10 ms'",
            id="limit of another unit",
        ),
        pytest.param(
            FACT,
            'limit = "0 ms"',
            "x.toml:28: path[1].budget[1].limit: '0 ms' must be more than zero, like '10 ms'",
            id="limit of nothing",
        ),
        pytest.param(
            FACT,
            f'{FACT}\nlimit = "12 ms"',
            "x.toml:29: path[1].budget[1].limit: stands beside a fact; give one of them",
            id="fact and limit",
        ),
        pytest.param(
            FACT,
            "",
            'x.toml:26: path[1].budget[1]: has no limit: write limit = "10 ms", or fact = "document:fact" to cite one of the seeds',
            id="neither fact nor limit",
        ),
        pytest.param(
            'metric = "rtt"',
            'metric = "rt"',
            "x.toml:27: path[1].budget[1].metric: 'rt' must be 'rtt', 'icmp', 'connect', 'request', 'http', 'http-fresh', 'http-load', 'inference', 'loss', 'goodput' or 'ratio'",
            id="unknown metric",
        ),
        pytest.param(
            FACT,
            f'{FACT}\npercentile = "p96"',
            "x.toml:29: path[1].budget[1].percentile: 'p96' must be 'p50', 'p90', 'p95', 'p99', 'p99.9' or 'max'",
            id="unknown percentile",
        ),
        pytest.param(
            'limit = "90 Mbit/s"',
            'limit = "90 Mbit/s"\npercentile = "p95"',
            "x.toml:33: path[1].budget[2].percentile: 'p95' cannot be: goodput has no percentiles; drop it",
            id="percentile of goodput",
        ),
        pytest.param(
            'limit = "90 Mbit/s"',
            'limit = "90 Mbit/s"\nreading = "one way"',
            "x.toml:33: path[1].budget[2].reading: only rtt is read one way or round trip, not goodput; drop it",
            id="reading of goodput",
        ),
        pytest.param(
            "mtu = 1400",
            'delay = "-1 ms"',
            "x.toml:24: path[1].model.delay: '-1 ms' is negative: a duration is zero or more, like '10 ms'",
            id="negative delay",
        ),
        pytest.param(
            "mtu = 1400",
            'delay = "2 min"',
            "x.toml:24: path[1].model.delay: '2 min' must be 1 min or less",
            id="absurd delay",
        ),
        pytest.param(
            "mtu = 1400",
            'forward = { delay = "5 ms", jitter = "5 mms" }',
            f"x.toml:24: path[1].model.forward.jitter: '5 mms' is not a duration: the unit must be {TIMES}; did you mean '5 ms'?",
            id="wrong unit in a direction",
        ),
        pytest.param(
            "mtu = 1400",
            'delay = "5 ms"\nroute_factor = 1.1',
            "x.toml:24: path[1].model.delay: stands instead of route_factor; give one of them",
            id="delay and route",
        ),
        pytest.param(
            "route_factor = 1.2\n",
            "",
            'x.toml:22: path[1].model: has no delay: write delay = "5 ms" (one way), or route_factor = 1.3 for one that follows the ground',
            id="no delay",
        ),
        pytest.param(
            PLACED,
            "",
            "x.toml:22: path[1].model: has no delay: 'near' has no coordinates: give that site latitude and longitude, or write delay = \"5 ms\" here",
            id="no coordinates",
        ),
        pytest.param(
            "longitude = 106.630\n",
            "",
            "x.toml:5: site[1].longitude: is missing: give latitude and longitude, or neither",
            id="half a coordinate",
        ),
        pytest.param(
            "latitude = 26.647",
            "latitude = 126.647",
            "x.toml:7: site[1].latitude: 126.647 must be 90 or less",
            id="off the globe",
        ),
        pytest.param(
            "longitude = 113.264",
            'longitude = 113.264\n[[site]]\nname = "near"',
            "x.toml:15: site[3].name: 'near' is already the name of site[1]; give each site its own",
            id="duplicate site",
        ),
        pytest.param(
            "[plan]",
            '[[path]]\nfrom = "near"\nto = "far"\n[plan]',
            "x.toml:34: path[2]: 'near-far' is already the name of path[1]; give each path its own",
            id="duplicate path",
        ),
        pytest.param(
            "[path.model]\nmtu = 1400",
            "real = true\n[path.model]\nmtu = 1400",
            "x.toml:24: path[1].model: a real path has no model; drop it, or `real`",
            id="real and modelled",
        ),
    ],
)
def test_what_does_not_fit_together_is_one_line_that_says_what_would(
    old: str, new: str, says: str
) -> None:
    assert GOOD.count(old) >= 1
    assert problems(GOOD.replace(old, new, 1)) == (says,)


def test_a_name_that_is_there_twice_is_named_once() -> None:
    twice = '[[site]]\nname = "far"\n[[path]]\nfrom = "near"\nto = "moon"'
    assert problems(GOOD.replace('[[path]]\nfrom = "near"\nto = "far"', twice)) == (
        "x.toml:20: site[3].name: 'far' is already the name of site[2]; give each site its own",
        "x.toml:23: path[1].to: 'moon' is no site; known sites are near, far",
    )


def test_a_misspelt_delay_is_not_also_told_as_none() -> None:
    text = GOOD.replace("route_factor = 1.2\n", "").replace("mtu = 1400", 'dealy = "5 ms"')
    assert problems(text) == ("x.toml:23: path[1].model.dealy: unknown key; did you mean 'delay'?",)
