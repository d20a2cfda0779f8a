"""A progress bar on stderr: redrawn in place on a terminal, one line every tenth in a log file."""
import sys
import time
from typing import Iterable, Iterator, Sized, TypeVar

T = TypeVar("T")


def bar(items: Iterable[T], title: str, width: int = 24) -> Iterator[T]:
    total = len(items) if isinstance(items, Sized) else 0
    live = sys.stderr.isatty()
    start, drawn = time.monotonic(), 0.0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        tenth = total and done * 10 // total != (done - 1) * 10 // total
        if (live and now - drawn > 0.2) or (not live and tenth) or done == total:
            drawn = now
            filled = width * done // max(total, 1)
            text = f"{title} [{'#' * filled}{'.' * (width - filled)}] {done}/{total} {now - start:.0f} s"
            print(("\r" + text) if live else text, end="" if live and done < total else "\n", file=sys.stderr, flush=True)
