# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module silences ufw's package, which was made for one command line: it prints and exits."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from jaild.core.errors import FirewallFailed, JaildError
from jaild.enforce import program

UFW = "/usr/sbin/ufw"


@contextmanager
def quiet(doing: str, kind: type[FirewallFailed] = FirewallFailed) -> Iterator[None]:
    """Turn whatever ufw prints, raises, or exits with into one FirewallFailed."""
    said = io.TextIOWrapper(io.BytesIO(), errors="replace")
    own, sys.argv = sys.argv, [UFW]
    try:
        with redirect_stderr(said), redirect_stdout(said):
            yield
    except JaildError:
        raise
    except (Exception, SystemExit) as error:
        text = _printed(said) if isinstance(error, SystemExit) else words(error)
        raise kind(f"ufw cannot {doing}: {program.one_line(text)}") from error
    finally:
        sys.argv = own


def words(error: Exception) -> str:
    """Return what an exception of ufw's says."""
    # The text of ufw's own error is the quoted form of what it means to say.
    return str(getattr(error, "value", error))


def _printed(said: io.TextIOWrapper) -> str:
    said.flush()
    buffer = said.buffer
    return buffer.getvalue().decode(errors="replace") if isinstance(buffer, io.BytesIO) else ""
