"""What an installation from the lock consists of: `sbom.cdx.json` (CycloneDX 1.6) and `licences.md`.

Reads the metadata of the environment that runs it; a package of the lock that is not installed there is an error.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Package(NamedTuple):
    """One line of a lock file."""

    name: str
    version: str
    hashes: list[str]  # SHA-256 of the wheels that may be installed
    licence: str


def packages(lock: Path) -> list[Package]:
    """Those of a lock file, in its order.

    Raises:
        PackageNotFoundError: one is not installed here.
    """
    entries = re.findall(r"^([a-z0-9.-]+)==(\S+)((?:[ \\\n]+--hash=sha256:[0-9a-f]{64})+)", lock.read_text(), re.M)
    return [
        Package(name, version, re.findall(r"sha256:([0-9a-f]{64})", hashes), licence(name))
        for name, version, hashes in entries
    ]


def licence(name: str) -> str:
    """What a package says of itself: the expression, else the classifiers, else the first line of the free text."""
    about = metadata.metadata(name)
    if about.get("License-Expression"):
        return str(about["License-Expression"])
    found = [text for text in about.get_all("Classifier") or [] if text.startswith("License :: ")]
    words = [text.rpartition(" :: ")[2] for text in found]
    return " AND ".join(words) or (about.get("License") or "unknown").strip().partition("\n")[0]


def bill(found: list[Package]) -> dict[str, object]:
    """CycloneDX; without a time, so that the same lock is the same text."""
    project = {"type": "application", "name": "unforeseen", "version": metadata.version("unforeseen")}
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{one.name}@{one.version}",
            "name": one.name,
            "version": one.version,
            "purl": f"pkg:pypi/{one.name}@{one.version}",
            "licenses": [{"license": {"name": one.licence}}],
            "properties": [{"name": "unforeseen:wheel:sha256", "value": value} for value in one.hashes],
        }
        for one in found
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": project},
        "components": components,
    }


def main(out: Path) -> None:
    """Writes both files into a directory."""
    found = packages(ROOT / "requirements.lock")
    out.mkdir(parents=True, exist_ok=True)
    (out / "sbom.cdx.json").write_text(json.dumps(bill(found), indent=1) + "\n")
    rows = [f"| {one.name} | {one.version} | {one.licence} |" for one in found]
    (out / "licences.md").write_text("\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows, ""]))
    print(f"{len(found)} packages: {out / 'sbom.cdx.json'}, {out / 'licences.md'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
