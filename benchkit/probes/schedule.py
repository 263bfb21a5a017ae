"""When packets are due: data, made before the first is sent, so that nothing measured can delay the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def periodic(start_ns: int, interval_ns: int, count: int) -> NDArray[np.int64]:
    """`count` times from `start_ns`, `interval_ns` apart, on the clock of `start_ns`."""
    return start_ns + interval_ns * np.arange(count, dtype=np.int64)
