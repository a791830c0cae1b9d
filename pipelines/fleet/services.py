"""What services say of the scores that they gave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import urllib3
from urllib3.exceptions import HTTPError

from components.registry import experiment_name
from components.storage.patience import reason
from model.errors import BadInput
from pipelines.fleet.drift import Counts, counts
from pipelines.service import service_name

THREADS = 8  # services that are asked at once: one that does not answer must not hold the others
TIMEOUT = urllib3.Timeout(connect=2, read=5)  # seconds


def ask(metrics: str, cameras: list[str]) -> list[Counts | BadInput]:
    """Of each camera the counts of its service, or why there are none; empty where nobody is to be asked.

    Args:
        metrics: address, where {service} stands for a service's name.
        cameras: by name.
    """
    if not metrics:
        return [{}] * len(cameras)
    with ThreadPoolExecutor(THREADS) as pool, urllib3.PoolManager(timeout=TIMEOUT, retries=False) as web:
        return list(pool.map(lambda camera: _ask(web, metrics, camera), cameras))


def _ask(web: urllib3.PoolManager, metrics: str, camera: str) -> Counts | BadInput:
    try:
        name = service_name(experiment_name(camera))
        address = metrics.replace("{service}", name)
        answer = web.request("GET", address)
        if answer.status != 200:
            raise BadInput(f"{address}: expected metrics. Received: HTTP {answer.status}")
        return counts(answer.data.decode(errors="replace"), name)
    except BadInput as e:
        return e
    except HTTPError as e:
        return BadInput(f"{address}: expected a service that answers. Received: {reason(e)}")
