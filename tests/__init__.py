# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""These are the tests: importable, so that they share the lab and their fixtures."""
