# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This room asks what only a program or the network knows, in a process of its own."""
