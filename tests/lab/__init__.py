# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab: a throw-away Debian booted with systemd, sshd and ufw, and attackers to try it."""
