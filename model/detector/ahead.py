"""One item ahead: while the caller works on one, the next is made in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order; what fails there is raised here, in its place.

    Only one thread at a time is inside of `items`. Where the caller stops early, one that it never saw may be taken.
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = beside.submit(next, iterator, end)
            yield item  # type: ignore[misc]  # the end is none of them
