"""The unit of deploy/ is one that systemd takes, and starts what there is."""

from __future__ import annotations

import getpass
import grp
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.settings import ROOT

UNIT = ROOT / "deploy/rapport.service"
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """As the page says to install it, but for where and for whom."""
    text = UNIT.read_text().replace("/opt/rapport", str(ROOT))
    text = re.sub(r"^User=.*$", f"User={getpass.getuser()}", text, flags=re.M)
    text = re.sub(r"^Group=.*$", f"Group={grp.getgrgid(os.getegid()).gr_name}", text, flags=re.M)
    (tmp_path / "rapport.service").write_text(text)
    assert ANALYZE
    program = [ANALYZE, "verify", "--man=no", str(tmp_path / "rapport.service")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "rapport.service" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_unit_starts_the_command_where_it_may_write() -> None:
    unit = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.M))
    program, command = unit["ExecStart"].split()
    assert (ROOT / Path(program).relative_to("/opt/rapport")).exists()
    assert command == "up"
    assert unit["WorkingDirectory"] in unit["ReadWritePaths"].split()
    # Ten seconds of patience are the supervisor's own.
    assert int(unit["TimeoutStopSec"]) > 10
