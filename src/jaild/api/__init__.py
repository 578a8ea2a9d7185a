# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""org.jaild1: the D-Bus contract, its objects, and the caller's side."""
