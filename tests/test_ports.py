"""Servers of tests that run at the same time do not meet."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ports import Ports

OTHERS = "from ports import Ports; print(*Ports(3).numbers)"


def test_other_processes_pass_by_what_is_claimed_though_nothing_listens_there():
    ours = Ports(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        said = subprocess.run([sys.executable, "-c", OTHERS], capture_output=True, text=True, check=True).stdout
    ours.release()
    theirs = {int(word) for word in said.split()}
    assert len(theirs) == 3
    assert not theirs & set(ours.numbers)


def test_a_port_that_somebody_listens_on_is_passed_by():
    first = Ports(1)
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first.numbers[0]))
        first.release()
        second = Ports(1)
    second.release()
    assert second.numbers != first.numbers
