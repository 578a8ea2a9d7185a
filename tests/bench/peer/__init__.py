# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This package holds what runs inside fail2ban's own packages, unpacked and never installed.

Its modules are scripts of their own processes: nothing of jaild's is loaded there.
"""

from pathlib import Path

ROOT = Path(__file__).parents[3] / "build/peer"
ETC = ROOT / "etc/fail2ban"
READING = Path(__file__).with_name("reading.py")
BANNING = Path(__file__).with_name("banning.py")
ENVIRONMENT = {"PYTHONPATH": str(ROOT / "usr/lib/python3/dist-packages")}
