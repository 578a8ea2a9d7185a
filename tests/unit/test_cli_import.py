# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl import: what the administrator of fail2ban wrote, and no more, as jaild takes it."""

import hashlib
from pathlib import Path

import pytest

from jaild.config.bring import stock
from jaild.config.bring.stock import Stock
from tests.import_house import STOCK, House, checksums, put


@pytest.fixture
def house(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(stock, "checksums", checksums)
    return House(tmp_path, capsys)


def whats(remarks):
    return [remark["what"] for remark in remarks]


def test_of_an_untouched_fail2ban_nothing_is_written(house):
    found = house.after({})
    assert found["files"] == {}
    assert (found["jails"], found["lost"], found["refused"]) == (["sshd"], [], [])


def test_a_file_of_the_administrators_is_taken_as_it_is(house):
    text = "# mine\n\n[DEFAULT]\n# long\nbantime = 1h\n\n[web]\nenabled = true ; yes\n\n# the end\n"
    assert house.after({"jail.local": text})["files"] == {"jail.local": text}


def test_of_a_whole_copy_of_jail_conf_only_the_difference_is_written(house):
    copy = STOCK["jail.conf"].replace("bantime = 10m", "# my own\nbantime = 1h")
    copy = copy.replace("[web]\n", "[web]\nenabled = true\n")
    found = house.after({"jail.local": copy})
    assert found["files"] == {
        "jail.local": "[DEFAULT]\n\n# my own\nbantime = 1h\n\n[web]\nenabled = true\n"
    }
    assert found["jails"] == ["sshd", "web"]


def test_a_value_is_kept_where_it_undoes_an_earlier_one(house):
    found = house.after(
        {"jail.d/a.conf": "[DEFAULT]\nbantime = 1h\n", "jail.local": "[DEFAULT]\nbantime = 10m\n"}
    )
    assert set(found["files"]) == {"jail.d/a.conf", "jail.local"}


def test_log_files_are_left_out_and_listed(house):
    text = "[web]\nenabled = true\nlogpath = /srv/log\nbackend = systemd\nusedns = warn\n"
    found = house.after({"jail.local": text})
    assert found["files"] == {"jail.local": "[web]\nenabled = true\n"}
    assert whats(found["noted"]) == ["[web] logpath = /srv/log", "[web] usedns = warn"]
    assert [remark["line"] for remark in found["noted"]] == [3, 5]


def test_what_jaild_refuses_in_ignoreip_is_left_out_and_the_rest_stays(house, tmp_path):
    friends = tmp_path / "friends"
    friends.write_text("192.0.2.9 ; me\n")
    text = f"127.0.0.1/8 my_id, office.example.org file:{friends}"
    found = house.after({"jail.local": f"[DEFAULT]\nignoreip = {text} file:{friends}.old\n"})
    kept = text.replace(" my_id,", "")
    assert found["files"] == {"jail.local": f"[DEFAULT]\nignoreip = {kept}\n"}
    assert whats(found["refused"]) == [
        "[DEFAULT] ignoreip = my_id",
        f"[DEFAULT] ignoreip = file:{friends}.old",
    ]


def test_a_program_that_spares_is_brought_along(house):
    text = '[sshd]\nignorecommand = /bin/true <ip>\nignorecache = key="<ip>", max-time=1h\n'
    found = house.after({"jail.local": text})
    assert found["files"] == {"jail.local": text}
    assert found["refused"] == found["noted"] == []


def test_a_command_for_a_shell_becomes_a_comment(house):
    found = house.after({"jail.local": "[sshd]\nmaxretry = 3\nignorecommand = /bin/x | grep y\n"})
    assert "# ignorecommand = /bin/x | grep y" in found["files"]["jail.local"].splitlines()
    assert "no shell" in str(found["refused"])


def test_a_mistake_becomes_a_comment_that_says_why(house):
    found = house.after({"jail.local": "[sshd]\nmaxretry = 3\nbantme = 1h\nport = 70000\n"})
    lines = found["files"]["jail.local"].splitlines()
    assert lines[:2] == ["[sshd]", "maxretry = 3"]
    assert lines[2].startswith("# jaild: 'bantme' in [sshd] is not an option")
    assert lines[3] == "# bantme = 1h"
    assert lines[5] == "# port = 70000"
    assert whats(found["refused"]) == ["[sshd] bantme = 1h", "[sshd] port = 70000"]
    assert found["jails"] == ["sshd"]


def test_a_jail_that_cannot_work_does_not_run_and_keeps_its_words(house):
    files = {
        "filter.d/door.conf": "[Definition]\nfailregex = ^bad <HOST>$\n",
        "jail.local": "[door]\nenabled = true\nport = 8080\nlogpath = /var/log/door\n",
    }
    found = house.after(files)
    assert (found["jails"], found["lost"]) == (["sshd"], ["door"])
    text = found["files"]["jail.local"]
    assert "\n# enabled = true\nport = 8080\n" in text
    assert "journalmatch" in text
    assert found["files"]["filter.d/door.conf"] == files["filter.d/door.conf"]


def test_filters_of_ones_own_are_copied_if_they_load(house):
    good = (
        "[INCLUDES]\nbefore = common.conf\n[Definition]\nfailregex = ^%(__prefix_line)sx <HOST>$\n"
    )
    found = house.after(
        {"filter.d/good.conf": good, "filter.d/bad.conf": "[Definition]\n\nfailregex = ^(<HOST>$\n"}
    )
    assert found["files"] == {"filter.d/good.conf": good}
    (refused,) = found["refused"]
    assert refused["what"] == "filter bad"
    assert (Path(refused["path"]).name, refused["line"]) == ("bad.conf", 3)


def test_a_stock_jail_that_jaild_lacks_comes_with_its_filter(house):
    found = house.after({"jail.local": "[squid]\nenabled = true\n"})
    assert found["jails"] == ["sshd", "squid"]
    assert found["files"] == {
        "jail.local": "[squid]\nenabled = true\n",
        "jail.d/00-fail2ban.conf": "[squid]\nport = 3128\nmaxretry = 7\n",
        "filter.d/squid.conf": STOCK["filter.d/squid.conf"],
        "filter.d/apache-common.conf": STOCK["filter.d/apache-common.conf"],
    }


def test_jailds_own_filter_stands_in_for_fail2bans(house):
    found = house.after({})
    assert whats(found["mapped"]) == ["filter sshd"]


def test_changes_to_a_filter_are_laid_over_jailds_own_or_come_with_fail2bans(house):
    over = "[Definition]\nfailregex = %(known/failregex)s\n    ^more <HOST>$\n"
    found = house.after({"filter.d/sshd.local": over})
    assert found["files"] == {"filter.d/sshd.local": over}
    put(house.source, {"filter.d/sshd.conf": "[Definition]\n_inner = x\nfailregex = ^x <HOST>$\n"})
    over = "[Definition]\nfailregex = ^%(_inner)s <HOST>$\n"
    found = house.after({"filter.d/sshd.local": over})
    assert set(found["files"]) == {"filter.d/sshd.conf", "filter.d/sshd.local"}
    assert whats(found["noted"]) == ["filter sshd"]


def test_an_edited_jail_conf_counts_as_the_administrators(house):
    edited = STOCK["jail.conf"].replace("maxretry = 5", "maxretry = 2")
    edited = edited.replace("[web]\n", "[web]\nenabled = true\n").replace("= ssh\n", "= 2222\n")
    found = house.after({"jail.conf": edited})
    assert found["files"] == {
        "jail.d/00-fail2ban.conf": (
            "[DEFAULT]\nmaxretry = 2\n\n[sshd]\nport = 2222\n\n[web]\nenabled = true\n"
        )
    }


def test_settings_of_the_daemon(house):
    found = house.after(
        {"fail2ban.local": "[Definition]\nloglevel = DEBUG\nlogtarget = SYSLOG\nlogtraget = x\n"}
    )
    assert found["files"] == {"jaild.local": "[Definition]\nloglevel = DEBUG\n"}
    assert [remark["line"] for remark in found["noted"]] == [3, 4]
    assert "logtarget?" in found["noted"][1]["why"]


def test_other_firewalls_are_mapped_to_ufw(house):
    text = "[web]\nenabled = true\nbanaction = nftables-allports\n"
    found = house.after({"jail.local": text})
    assert found["files"] == {"jail.local": text}
    assert found["refused"] == []
    assert any("ufw" in remark["why"] for remark in found["mapped"])


def test_an_action_that_bans_otherwise_is_left_to_the_usual_one(house):
    text = "[web]\nenabled = true\naction = iptables[port=http]\n mail-me\n"
    found = house.after({"jail.local": text.replace("mail-me", "unknown")})
    assert found["jails"] == ["sshd", "web"]
    (refused,) = found["refused"]
    assert refused["what"].startswith("[web] action = iptables[port=http] unknown")


@pytest.mark.parametrize("action", ["mail[name=x]", "iptables[blocktype=ACCEPT]", "%(nothing)s"])
def test_a_jail_that_does_not_shut_out_does_not_begin_to(house, action):
    found = house.after({"jail.local": f"[web]\nenabled = true\naction = {action}\n"})
    assert (found["jails"], found["lost"]) == (["sshd"], ["web"])
    found = house.after({"jail.local": f"[DEFAULT]\naction = {action}\n[web]\nenabled = true\n"})
    assert (found["jails"], found["lost"]) == ([], ["sshd", "web"])


def test_a_section_that_makes_all_unusable_becomes_a_comment(house):
    found = house.after({"jail.local": "[a b]\nenabled = true\n[web]\nenabled = true\n"})
    assert found["files"]["jail.local"].endswith(
        "# [a b]\n# enabled = true\n[web]\nenabled = true\n"
    )
    assert found["jails"] == ["sshd", "web"]


def test_what_is_there_already_is_no_mistake_of_the_import(house):
    put(house.into, {"jail.d/old.local": "[web]\nbantme = 1h\n"})
    found = house.after({"jail.local": "[sshd]\nmaxretry = 3\n"})
    assert set(found["files"]) == {"jail.local"}
    (refused,) = found["refused"]
    assert refused["path"] == str(house.into / "jail.d/old.local")


def test_the_package_knows_better_than_names(tmp_path):
    put(tmp_path, {"filter.d/sshd.conf": "x", "filter.d/mine.conf": "x", "jail.conf": "x"})
    given = {"/etc/fail2ban/filter.d/sshd.conf": hashlib.md5(b"x").hexdigest()}
    assert Stock(tmp_path, given).is_stock("filter.d/sshd.conf") is True
    assert Stock(tmp_path, {}).is_stock("filter.d/sshd.conf") is True
    assert Stock(tmp_path, {}).is_stock("filter.d/mine.conf") is False
    assert Stock(tmp_path, {}).is_stock("jail.conf") is None
    assert Stock(tmp_path, {}).is_stock("jail.local") is False
    assert Stock(tmp_path, {}).is_stock("paths-debian.conf") is True
