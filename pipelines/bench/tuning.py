"""What a trial costs beside its training: `python -m pipelines.bench.tuning`."""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

TRIALS = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a tiny search, one trial at a time, and prints its parts."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.tuning", description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the figures")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as directory:
        found = measure(Path(directory))
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"  imports, once for all trials    {found['imports_seconds']:.1f} s")
    print(f"  a trial, from start to end      {found['trial_seconds']:.1f} s")
    print(f"    of that its training          {found['training_seconds']:.1f} s")
    print(f"    beside its training           {found['overhead_seconds']:.1f} s (goal 3.0), median of {TRIALS}")
    print(f"  load of the machine             {found['load']:.1f} on {os.cpu_count()} cores")
    return 0


def measure(scratch: Path) -> dict[str, float]:
    """Seconds. The median counts, because the first trial makes MLflow's experiment."""
    from components.registry import Registry
    from components.trial import MODULES, Place
    from components.tune import ENVIRONMENT, arguments
    from model import config, preprocessing, search, walkway
    from model.footage import find_clips
    from pipelines.bench.dag import TINY

    settings = config.build("small", TINY)
    walkway.write(settings.walkway, scratch / "walkway")
    clips = find_clips(scratch / "walkway", "walkway", settings.footage, settings.training.window_frames)
    preprocessing.write_dataset(clips, scratch / "dataset", settings.preprocessing, camera="walkway")
    uri = f"sqlite:///{scratch / 'mlflow.db'}"
    Registry(uri, "walkway", (scratch / "mlartifacts").as_uri())
    told = arguments(Place(str(scratch / "dataset"), "walkway", uri), config.to_json(settings), "")
    begun = time.monotonic()
    result = search.run(
        search.parse(json.dumps(_experiment())),
        scratch / "search",
        lambda line: print(f"bench: {line}", file=sys.stderr, flush=True),
        arguments=told,
        modules=MODULES,
        environment=ENVIRONMENT,
    )
    seconds = time.monotonic() - begun
    training = [trial.reports["training_seconds"][0] for trial in result.trials]
    beside = [trial.seconds - spent for trial, spent in zip(result.trials, training, strict=True)]
    return {
        "imports_seconds": seconds - sum(trial.seconds for trial in result.trials),
        "trial_seconds": median(trial.seconds for trial in result.trials),
        "training_seconds": median(training),
        "overhead_seconds": median(beside),
        "load": os.getloadavg()[0],
    }


def _experiment() -> dict[str, Any]:
    """The project's own with one parameter, and one trial at a time."""
    import yaml

    from pipelines.commands.tune import EXPERIMENT

    data = copy.deepcopy(yaml.safe_load(EXPERIMENT.read_text()))
    spec, template = data["spec"], data["spec"]["trialTemplate"]
    spec["parameters"] = [one for one in spec["parameters"] if one["name"] == "learning_rate"]
    kept = ("learning_rate", "${trialSpec.Name}")
    template["trialParameters"] = [one for one in template["trialParameters"] if one["reference"] in kept]
    container = template["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [word for word in container["args"] if word.startswith(("--name", "--set=training.learning"))]
    spec["objective"]["additionalMetricNames"] = ["training_seconds"]
    spec |= {"maxTrialCount": TRIALS, "parallelTrialCount": 1, "earlyStopping": None}
    return data


if __name__ == "__main__":
    sys.exit(main())
