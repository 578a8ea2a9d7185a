# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let fail2ban's own engine read a journal to its end with its sshd filter; prints what came of it.

Run by tests.bench.reading with fail2ban's packages in the path and a folder of journal files.
"""

import json
import logging
import sys
from pathlib import Path

from fail2ban.client.filterreader import FilterReader
from fail2ban.server.filtersystemd import FilterSystemd
from fail2ban.server.jail import Jail

ETC = Path(__file__).parents[3] / "build/peer/etc/fail2ban"


def engine(folder):
    """Return fail2ban's reader of the journal, with its sshd filter as its own jail sets it."""
    options = {"logtype": "journal"}
    reader = FilterReader("sshd", "sshd", options, basedir=str(ETC))
    reader.read()
    reader.getOptions(None)
    made = FilterSystemd(Jail("sshd"), journalpath=folder)
    # The journal is of some day in the past; every entry is to count.
    made.checkFindTime = False
    made.setUseDns("no")
    adders = {"addfailregex": made.addFailRegex, "addignoreregex": made.addIgnoreRegex}
    for command in reader.convert():
        option, given = command[2], command[3:]
        for value in given[0] if command[0] == "multi-set" else given[:1]:
            if option in adders:
                adders[option](value)
        if option == "addjournalmatch":
            made.addJournalMatch(given)
        elif option == "prefregex":
            made.prefRegex = given[0]
    return made


def main():
    logging.disable(logging.CRITICAL)
    made = engine(sys.argv[1])
    reader = made.getJournalReader()
    entries = 0
    while entry := reader.get_next():
        made.processLineAndAdd(*made.formatJournalEntry(entry))
        entries += 1
    print(json.dumps({"entries": entries, "failures": made.failManager.getFailTotal()}))


if __name__ == "__main__":
    main()
