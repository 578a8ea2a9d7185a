# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This package measures: jaild beside the distribution's fail2ban and journalctl, in one run."""
