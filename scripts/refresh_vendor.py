"""Bring the page's libraries from the npm registry into `fusion_graph/page/vendor`, or check what is there.

    python scripts/refresh_vendor.py            # fetch the versions that vendor/versions.json names
    python scripts/refresh_vendor.py --latest   # fetch the newest ones, and write them down
    python scripts/refresh_vendor.py --check    # compare the files with their hashes; needs no network

Fetching needs `npm`, which checks each archive against the registry's integrity hash. Imports by package name become
relative paths, so that a browser needs no import map; lines that point to source maps are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parents[1] / "fusion_graph" / "page" / "vendor"
VERSIONS = VENDOR / "versions.json"
_FILES: dict[str, dict[str, str]] = {
    "preact": {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js"},
    "htm": {"dist/htm.mjs": "htm.js"},
    "@preact/signals-core": {"dist/signals-core.mjs": "signals-core.js"},
    "@preact/signals": {"dist/signals.mjs": "signals.js"},
    "marked": {"lib/marked.esm.js": "marked.js"},
    "dompurify": {"dist/purify.es.mjs": "dompurify.js"},
}
"""The modules of each package, and what they are called here."""
_LICENCES = ("LICENSE", "LICENSE.md", "LICENSE.txt")
_IMPORTED = {
    "preact": "./preact.js",
    "preact/hooks": "./preact-hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
_BARE = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])([@\w][^"']*)\2""")
_SOURCE_MAP = re.compile(r"\s*//# sourceMappingURL=\S+\s*$")


def sha256(path: Path) -> str:
    """Return a file's hash in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rewritten(source: str) -> str:
    """Return a module with relative imports and without its source map.

    Args:
        source: The module as its package ships it.

    Raises:
        KeyError: It imports a package that is not vendored.
    """

    def relative(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{_IMPORTED[match[3]]}{match[2]}"

    return _BARE.sub(relative, _SOURCE_MAP.sub("\n", source))


def fetch(name: str, version: str, folder: Path) -> tuple[dict[str, Any], Path]:
    """Fetch and unpack a package.

    Args:
        name: Its name.
        version: A version, or `latest`.
        folder: Where it may be unpacked.

    Returns:
        Its `package.json` with the archive's `integrity` beside it, and the folder with its files.
    """
    told = subprocess.run(  # noqa: S603 - fixed command, names from the table above
        ["npm", "pack", f"{name}@{version}", "--json", "--pack-destination", str(folder)],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    listed = json.loads(told.stdout)
    packed = listed[0] if isinstance(listed, list) else next(iter(listed.values()))
    target = folder / name.replace("/", "-")
    with tarfile.open(folder / Path(packed["filename"]).name) as archive:
        archive.extractall(target, filter="data")
    about = json.loads((target / "package" / "package.json").read_text())
    return {**about, "integrity": packed["integrity"]}, target / "package"


def refresh(pinned: dict[str, Any], *, latest: bool) -> dict[str, Any]:
    """Fetch every package and write its files.

    Args:
        pinned: What `versions.json` says now.
        latest: Whether to take the newest versions.

    Returns:
        What it says from now on.
    """
    entries: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as made:
        for name, files in _FILES.items():
            version = "latest" if latest else str(pinned.get(name, {}).get("version", "latest"))
            about, unpacked = fetch(name, version, Path(made))
            for inside, called in files.items():
                (VENDOR / called).write_text(rewritten((unpacked / inside).read_text()))
            licence = next(unpacked / one for one in _LICENCES if (unpacked / one).exists())
            kept = f"LICENSE-{name.removeprefix('@').replace('/', '-')}.txt"
            (VENDOR / kept).write_bytes(licence.read_bytes())
            entries[name] = {
                "version": about["version"],
                "licence": about["license"],
                "integrity": about["integrity"],
                "sha256": {called: sha256(VENDOR / called) for called in [*files.values(), kept]},
            }
    return entries


def faults(pinned: dict[str, Any]) -> list[str]:
    """List files that are missing, changed, or not written down."""
    known = {file: digest for entry in pinned.values() for file, digest in entry["sha256"].items()}
    there = {path.name for path in VENDOR.iterdir()} - {VERSIONS.name}
    found = [f"{file} is not in versions.json" for file in sorted(there - set(known))]
    for file, digest in sorted(known.items()):
        if file not in there:
            found.append(f"{file} is missing")
        elif sha256(VENDOR / file) != digest:
            found.append(f"{file} is not the file that versions.json names")
    return found


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latest", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="only compare the files with their hashes")
    asked = parser.parse_args()
    pinned = json.loads(VERSIONS.read_text()) if VERSIONS.exists() else {}
    if not asked.check:
        pinned = refresh(pinned, latest=asked.latest)
        VERSIONS.write_text(json.dumps(pinned, indent=2) + "\n")
    found = faults(pinned)
    print("\n".join(found) or f"{len(pinned)} packages are as versions.json names them")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
