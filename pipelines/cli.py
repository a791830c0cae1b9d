"""The command `unforeseen`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from model.errors import BadInput, RunFailed
from pipelines.commands import (
    compare,
    compile,
    deploy,
    doctor,
    evaluate,
    feedback,
    import_weights,
    run,
    schedule,
    score,
    serve,
    submit,
    train,
    trial,
    tune,
    watch,
    watch_video,
)

COMMANDS = (
    run,
    score,
    evaluate,
    feedback,
    import_weights,
    serve,
    tune,
    train,
    trial,
    deploy,
    compile,
    submit,
    schedule,
    doctor,
    watch,
    watch_video,
    compare,
)


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="unforeseen",
        description="Learns what normal looks like on a fixed camera, and flags what it did not foresee.",
    )
    commands = top.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 is success, 1 a failed run, 2 bad input."""
    wanted = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own news would bury ours
    # Read when numpy is imported, here and by every step. The products are small, and a second thread would wait for
    # the next one without sleep, on the core that the optical flow needs.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        wanted.act(wanted)
    except (BadInput, RunFailed) as e:
        print(f"unforeseen: {e}", file=sys.stderr)
        return e.exit_code
    except OSError as e:
        print(f"unforeseen: {e.filename or 'writing'}: {e.strerror or e}", file=sys.stderr)
        return BadInput.exit_code
    except KeyboardInterrupt:
        print("unforeseen: interrupted; the same command goes on where training stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
