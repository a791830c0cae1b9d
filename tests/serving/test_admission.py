"""The door: so many requests, so many bytes, and for the others the time to come back."""

import threading

import pytest

from serving.admission import BYTES, Admission
from serving.errors import Full, Loading
from serving.limits import Limits
from serving.metrics import Metrics


def under_way(metrics):
    return metrics.registry.get_sample_value("unforeseen_requests_under_way")


def test_so_many_requests_are_let_in_and_their_place_is_free_again():
    metrics = Metrics()
    admission = Admission(Limits(waiting=2), metrics)
    first, second, third = (admission.visit() for _ in range(3))
    first.enter()
    second.enter()
    with pytest.raises(Full, match="2 requests are under way; come back later"):
        third.enter()
    assert under_way(metrics) == 2
    third.leave()  # as whoever was refused does too
    assert under_way(metrics) == 2
    first.leave()
    admission.visit().enter()
    assert under_way(metrics) == 2


def test_bytes_have_a_bound_and_nothing_is_left_behind():
    admission = Admission(Limits(), Metrics())
    first, second = admission.visit(), admission.visit()
    first.take(BYTES)
    with pytest.raises(Full, match="bytes of requests are under way"):
        second.take(1)
    first.leave()
    second.take(BYTES)


def test_the_time_to_come_back_is_that_of_the_frames_before():
    now = [0.0]
    admission = Admission(Limits(waiting=1), Metrics(), now=lambda: now[0])
    for _ in range(100):  # half a second a frame, until that is known
        visit = admission.visit()
        visit.enter()
        visit.begin(10)
        now[0] += 5.0
        visit.leave()
    visit.enter()
    visit.begin(8)
    with pytest.raises(Full) as refused:
        admission.visit().enter()
    assert refused.value.retry_after == pytest.approx(4.0, rel=0.01)


def test_closing_waits_for_who_is_inside_and_lets_nobody_in():
    admission = Admission(Limits(), Metrics())
    inside, closed = admission.visit(), threading.Event()
    inside.enter()
    closing = threading.Thread(target=lambda: (admission.close(), closed.set()))
    closing.start()
    while True:  # until it has begun
        visit = admission.visit()
        try:
            visit.enter()
        except Loading as e:
            assert "stopping" in str(e)
            break
        visit.leave()
    assert not closed.is_set()
    inside.leave()
    closing.join(60)
    assert closed.is_set()
