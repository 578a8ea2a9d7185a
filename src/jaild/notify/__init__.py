# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This room tells people and their systems of bans: by mail and by webhook.

Its input are jaild's own records in the journal; nothing here can hold up a ban.
"""
