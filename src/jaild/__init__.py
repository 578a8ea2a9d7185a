# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jaild keeps attackers out of a systemd host."""

__version__ = "0.1.0"
