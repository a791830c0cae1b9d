"""One item ahead: while the caller works on one, the next is made in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order; what fails there is raised here, in its place.

    Only one thread at a time is inside of `items`. Where the caller stops early, one that it never saw may be taken.
    """
    iterator = iter(items)

    def take() -> list[Item]:
        """The next one; nothing at the end."""
        return list(islice(iterator, 1))

    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(take)
        while taken := coming.result():
            coming = beside.submit(take)
            yield from taken
