"""Where each formula comes from: keys that figures cite, and the works they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "rfc6349-window": "RFC 6349 section 3.3.1: BDP = RTT x rate, least window = BDP / 8, throughput = window x 8 / RTT",
        "rfc6349-rate": "RFC 6349 section 4.1.1 and IEEE 802.3: frames/s = rate / ((MTU + 38) x 8), each with MTU - 40 octets of data",
        "rfc7323": "RFC 7323: the timestamp option takes 12 octets of every segment",
        "rfc6928": "RFC 6928: the first window is 10 segments",
        "rfc5681": "RFC 5681: slow start doubles the window each round trip; Reno halves it for a loss and adds a segment a round trip",
        "mathis": "Mathis, Semke, Mahdavi, Ott 1997: window = sqrt(3 / (2 p)) segments, every segment acknowledged",
        "pftk": "Padhye, Firoiu, Towsley, Kurose 1998, as RFC 5348 section 3.1 simplifies it, b = 1, timeout = RTT + 200 ms (Linux)",
        "rfc9438": "RFC 9438 section 5.1: window = (C 3.7 / 1.2)^(1/4) (RTT / p)^(3/4), C = 0.4, at least Reno's 1.2 / sqrt(p)",
        "rfc9438-k": "RFC 9438 section 4.2: K = cbrt(W_max (1 - 0.7) / C) seconds back to the window before a loss",
        "bbr": "Cardwell, Cheng, Gunn, Yeganeh, Jacobson 2016 (BBR): the model is rate and round trip, loss does not enter to first order; v1 holds to about 20 % loss, v3 backs off beyond 2 %",
        "villamizar": "Villamizar, Song 1994: one round trip of buffer keeps a link busy while one Reno stream halves",
        "appenzeller": "Appenzeller, Keslassy, McKeown 2004: BDP / sqrt(n) for n streams out of step",
        "cubic-buffer": "from RFC 9438's factor: 0.7 (BDP + buffer) >= BDP",
        "ip-sysctl": "Linux Documentation/networking/ip-sysctl.rst: of tcp_rmem a share set by tcp_adv_win_scale is window",
        "sndbuf": "Linux net/ipv4/tcp_input.c, tcp_sndbuf_expand: the send buffer is twice the window, where tcp_wmem allows",
        "fibre": "light in fibre of group index 1.468: 4.897 us/km (data sheet of G.652-class fibre)",
        "rfc9293": "RFC 9293: the handshake, one round trip before the first data",
        "rfc8446": "RFC 8446 section 2: one round trip, full or resumed; early data goes with the first flight",
        "rfc9112": "RFC 9112: one request and its answer are a round trip; connections stay open",
        "simulation": "benchkit's simulation of whole segments in steps of a tenth of a round trip or less, held against emulated paths in results/published/simulation; timeouts are not modelled",
        "jain": "Jain, Chiu, Hawe 1984: (sum x)^2 / (n sum x^2), 1 where all flows get the same",
        "arithmetic": "size x 8 / rate",
        "prediction": "connection, slow start, then the least of line rate, window and loss ceiling over all streams",
    }
)
