# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thin layer over pydbus and GLib; it knows nothing of jails."""
