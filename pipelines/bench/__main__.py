"""`python -m pipelines.bench`: measures everything, prints a table, writes JSON where asked."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures for a few minutes; with `--quick` for about one."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("runs/bench.json"), help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a first look, not to be quoted")
    wanted = parser.parse_args(arguments)
    wanted.json.parent.mkdir(parents=True, exist_ok=True)
    found = measure(3 if wanted.quick else 15, lambda line: print(f"bench: {line}", file=sys.stderr, flush=True))

    from model.atomic import write_text
    from pipelines.bench import table

    write_text(wanted.json, json.dumps(found, indent=1) + "\n")
    print("\n".join([*table.lines(found), "", f"  written: {wanted.json}"]))
    return 0


def measure(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures; real footage is used as well where UNFORESEEN_FOOTAGE names a directory in the UCSD layout."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command has it; read when numpy is imported
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of this process: TensorFlow speaks of GPUs that are not there
    from model import config
    from pipelines.bench import dag, network, pictures, stream

    settings = config.build()
    real = os.environ.get("UNFORESEEN_FOOTAGE")
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as directory:
        scratch = Path(directory)
        say("walkway")
        walkway = pictures.measure_walkway(settings.walkway, rounds, frames=50)
        say("preprocessing")
        sources = {"walkway": pictures.walkway_clips(settings.walkway, scratch / "walkway", clips=16)}
        if real:
            sources["footage"] = pictures.footage_clips(Path(real))
        preprocessing = {
            name: pictures.measure_preprocessing(clips, settings.preprocessing, scratch, -(-rounds // 3))
            for name, clips in sources.items()
        }
        say("network")
        networks = network.measure(settings, config.build("paper"), rounds)
        say("detector")
        streams = stream.measure(settings, 2 * rounds, frames=32)
        if real:
            streams["footage"] = stream.measure_footage(settings, sources["footage"][0], rounds, frames=60)
        say("pipeline")
        pipeline = dag.measure(scratch / "run")
    return {
        **networks,
        **streams,
        "preprocessing": preprocessing,
        "walkway": walkway,
        "dag": pipeline,
        "rounds": rounds,
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "system": platform.platform(terse=True),
            "load": os.getloadavg()[1],  # processes that wanted a core, mean of the last five minutes
        },
        "date": datetime.now(UTC).date().isoformat(),
        "version": version("unforeseen"),
    }


def _processor() -> str:
    """Its name, where the system tells."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.is_file() else []
    return names[0].partition(":")[2].strip() if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
