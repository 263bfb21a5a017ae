"""The last module that the fork server imports: from here on no collector touches what it holds.

Collecting in a child writes to every object, and so copies every page that the child shares with the server:
a fifth of a second in user-mode Linux.
"""

import gc
import sys
from types import TracebackType


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Pass over the end of what a child is told: who asked for it was killed in that moment, and misses nothing."""
    if kind is not EOFError:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _tell
gc.collect()
gc.freeze()
