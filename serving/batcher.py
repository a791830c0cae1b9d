"""Frames of many cameras that wait for the same network go through it together, each with its own state.

One thread makes all steps: while it is busy others gather, and make the next batch. Where only one request is under
way nothing waits. Where there are more, a frame waits a few milliseconds for theirs.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from model.prednet import State
from model.scoring import Step, Stepped
from serving.cores import Cores
from serving.limits import Limits
from serving.metrics import Metrics

LONGEST = 0.1  # seconds that a frame waits for company while all cores have other work


def sizes(batch: int) -> tuple[int, ...]:
    """Of batches of at most so many, the largest first; a network is compiled for each."""
    return tuple(1 << k for k in reversed(range(batch.bit_length())))


class Ticket(NamedTuple):
    """One frame that waits."""

    frame: np.ndarray
    state: Any
    result: Future[Stepped]
    since: float


class Pending:
    """A step that is under way; who waits for it lets another request work meanwhile."""

    def __init__(self, result: Future[Stepped], cores: Cores) -> None:
        self._result, self._cores = result, cores

    def result(self) -> Stepped:
        """Waits for the step."""
        self._cores.leave()
        found = self._result.result()
        self._cores.take()
        return found


class BatchedSteps:
    """What an observer sees of the batcher: steps of one network. To be called within `Batcher.request`."""

    def __init__(self, batcher: Batcher, step: Step) -> None:
        self._batcher, self._step = batcher, step

    def submit(self, frame: np.ndarray, state: Any) -> Pending:
        """Makes the step together with those of other cameras."""
        return self._batcher.submit(self._step, frame, state)

    def unpack(self, state: Any) -> State:
        """The parts of a state."""
        return self._step.unpack(state)


class Batcher:
    """Thread-safe; `close` ends its thread when all that waits is done."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._sizes = sizes(limits.batch)
        self._patience, self._metrics = limits.patience, metrics
        self._news = threading.Condition()
        self._waiting: dict[Step, deque[Ticket]] = {}
        self._requests: Counter[Step] = Counter()
        self._cores = Cores()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self._thread.start()

    def steps(self, step: Step) -> BatchedSteps:
        """For a stream, to make its steps with."""
        return BatchedSteps(self, step)

    @contextmanager
    def request(self, step: Step) -> Iterator[None]:
        """A request is under way, which sends its frames one after the other; frames of others wait for them."""
        with self._news:
            self._requests[step] += 1
        try:
            yield
        finally:
            self._cores.leave()
            with self._news:
                self._requests[step] -= 1
                if not self._requests[step]:
                    del self._requests[step]
                self._news.notify()

    def submit(self, step: Step, frame: np.ndarray, state: Any) -> Pending:
        """Puts a frame in the queue of its network, and only then waits for a core: so batches fill."""
        ticket = Ticket(frame, state, Future(), time.perf_counter())
        self._cores.leave()
        with self._news:
            self._waiting.setdefault(step, deque()).append(ticket)
            self._news.notify()
        self._cores.take()
        return Pending(ticket.result, self._cores)

    def close(self) -> None:
        """Makes what waits, then ends."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                step, tickets = self._gather()
            self._make(step, tickets)

    def _gather(self) -> tuple[Step, list[Ticket]]:
        """The next batch: of the network whose first frame has waited longest, as large as the sizes allow."""
        step, queue = min(self._waiting.items(), key=lambda item: item[1][0].since)

        def more() -> bool:
            """Whether company is to be waited for; while other threads want the cores, nothing is lost by it."""
            waited = time.perf_counter() - queue[0].since
            patience = LONGEST if self._cores.wanted else self._patience
            return len(queue) < min(self._requests[step], self._sizes[0]) and waited < patience and not self._closing

        while more():
            self._news.wait(self._patience)
        size = next(size for size in self._sizes if size <= len(queue))
        tickets = [queue.popleft() for _ in range(size)]
        if not queue:
            del self._waiting[step]
        return step, tickets

    def _make(self, step: Step, tickets: list[Ticket]) -> None:
        begun = time.perf_counter()
        try:
            results = step.together([t.frame for t in tickets], [t.state for t in tickets])
        except BaseException as e:
            for ticket in tickets:
                ticket.result.set_exception(e)
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result.set_result(result)
        self._metrics.batch.observe(len(tickets))
        self._metrics.step_seconds.observe(time.perf_counter() - begun)
        for ticket in tickets:
            self._metrics.queue_seconds.observe(begun - ticket.since)
