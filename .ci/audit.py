"""Looks up known vulnerabilities of a requirement file, and says so plainly where it could not.

pip-audit counts a package that its service does not know as passed; on a machine behind a package mirror that would be all of
them. Exit code: 1 for a vulnerability; 0 otherwise, or 75 where AUDIT=required and some package was not looked up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

NOT_LOOKED_UP = 75


def main(path: str) -> int:
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    program = [sys.executable, "-m", "pip_audit", "-r", path, *options]
    done = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return _not_audited(path, f"the vulnerability service gave no answer ({last})")
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", ())]
    for package, flaw in found:
        mend = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"audit: {package['name']} {package['version']}: {flaw['id']}, mended in {mend}")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if found:
        return 1
    if skipped:
        return _not_audited(
            path, f"{len(skipped)} of {len(packages)} packages are unknown to the vulnerability service"
        )
    print(f"audit: {len(packages)} packages of {path}, no known vulnerability")
    return 0


def _not_audited(path: str, why: str) -> int:
    print(f"audit: NOT AUDITED: {path}: {why}; run it where https://pypi.org can be reached", file=sys.stderr)
    return NOT_LOOKED_UP if os.environ.get("AUDIT") == "required" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
