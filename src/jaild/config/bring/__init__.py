# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a configuration of fail2ban over: jailctl import."""
