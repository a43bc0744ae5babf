"""Brings the third-party static files into `lorapipe/static/vendor`, and checks that nobody edited them.

    python scripts/vendor.py            fetch the packages named in manifest.json and write their files
    python scripts/vendor.py --check    re-hash what is committed; exit 1 naming each file that differs

The manifest names package, version, the tarball's sha512 (as the npm registry publishes it) and each file
taken from it. Only the standard library is used. The registry is `NPM_CONFIG_REGISTRY`, else npm's own.
To add a file: add its line with an empty sha256, run this script, commit both.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "lorapipe" / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
LARGEST_TARBALL = 50_000_000  # bytes; the icon set has 7 MB


class Mismatch(Exception):
    """A file or tarball is not what the manifest promises."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--check", action="store_true", help="only compare the committed files with the manifest"
    )
    arguments = parser.parse_args(argv)
    manifest = json.loads(MANIFEST.read_text())
    if arguments.check:
        return report(problems(manifest))
    for package in manifest["packages"]:
        take(package)
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    return report(problems(manifest))


def problems(manifest: dict[str, Any]) -> list[str]:
    """One line for each file that is missing, changed, or not in the manifest. Empty: all is well."""
    wanted = {entry["to"]: entry["sha256"] for package in manifest["packages"] for entry in package["files"]}
    there = {path.relative_to(VENDOR).as_posix(): path for path in VENDOR.rglob("*") if path.is_file()}
    there.pop(MANIFEST.name, None)
    found = [f"{name}: not in the manifest" for name in sorted(there.keys() - wanted.keys())]
    found += [f"{name}: missing" for name in sorted(wanted.keys() - there.keys())]
    for name in sorted(wanted.keys() & there.keys()):
        if hashlib.sha256(there[name].read_bytes()).hexdigest() != wanted[name]:
            found.append(f"{name}: sha256 differs from the manifest")
    return found


def take(package: dict[str, Any]) -> None:
    """Writes the package's files and their hashes; refuses a tarball whose sha512 differs."""
    with tarfile.open(fileobj=io.BytesIO(tarball(package)), mode="r:gz") as archive:
        for entry in package["files"]:
            member = archive.extractfile("package/" + entry["from"])
            if member is None:
                raise Mismatch(f"{package['name']}: {entry['from']} is not a file")
            content = member.read()
            target = VENDOR / entry["to"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            entry["sha256"] = hashlib.sha256(content).hexdigest()


def tarball(package: dict[str, Any]) -> bytes:
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or "https://registry.npmjs.org"
    name, version = package["name"], package["version"]
    url = f"{registry.rstrip('/')}/{name}/-/{name.split('/')[-1]}-{version}.tgz"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310, the registry is the operator's choice
        content: bytes = answer.read(LARGEST_TARBALL)
    if integrity(content) != package["integrity"]:
        raise Mismatch(f"{name} {version}: the tarball is not the one in the manifest")
    return content


def integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")


def report(found: list[str]) -> int:
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
