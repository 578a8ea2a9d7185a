# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thin layer over pydbus and GLib: the loop, the bus, published objects. It knows no jails."""
