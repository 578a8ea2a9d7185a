# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How hard the property tests try: harder with ``--hypothesis-profile=thorough`` (make test)."""

from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("default")
