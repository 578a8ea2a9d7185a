# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""``jailctl test`` on standard input: verdicts, numbers, explanations, and what it refuses."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jaild
from jaild.cli.main import run
from tests.verbs import SHIPPED

DOOR = r"""
[Definition]
mode = normal
_normal = ^login failed for user "<F-USER>[^"]*</F-USER>" from <HOST>$
          ^greeted <ADDR><F-NOFAIL/>$
_mode-normal = <_normal>
_mode-strict = <_normal>
               ^refused <ADDR>$
failregex = <_mode-<mode>>
ignoreregex = for user "monitor"
journalmatch = _SYSTEMD_UNIT=door.service
"""
EVIL = "\x1b[2J\x07\u202e"


class Jailctl:
    """Runs jailctl with configuration and standard input of a test's own."""

    def __init__(self, etc, monkeypatch, capsys):
        self.etc = etc
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def filter(self, name, text):
        (self.etc / "filter.d" / f"{name}.conf").write_text(text)

    def __call__(self, *words, stdin=b""):
        stdin = stdin.encode() if isinstance(stdin, str) else stdin
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))
        self._monkeypatch.setattr(sys, "stdin", stream)
        where = ("--config", str(self.etc), "--shipped", str(SHIPPED))
        self.status = run(["test", *words, *where], self._nobody)
        self.out, self.err = self._capsys.readouterr()
        return self.out

    def objects(self, *words, stdin=b""):
        lines = self(*words, "--stdin", "--json", stdin=stdin).splitlines()
        *entries, last = [json.loads(line) for line in lines]
        assert not self.status, self.err
        return entries, last["summary"]

    @staticmethod
    def _nobody():
        raise AssertionError("the service is not asked")


@pytest.fixture
def jailctl(tmp_path, monkeypatch, capsys):
    (tmp_path / "filter.d").mkdir()
    made = Jailctl(tmp_path, monkeypatch, capsys)
    made.filter("door", DOOR)
    return made


LINES = """\
login failed for user "eve" from 192.0.2.7
login failed for user "monitor" from 192.0.2.7
greeted 2001:DB8::1
login failed for user "" from example.org
refused 192.0.2.8
"""


def test_one_object_a_line_in_the_order_of_the_entries(jailctl):
    assert jailctl("door", "--stdin", "--json", stdin=LINES.splitlines()[0]).splitlines()[0] == (
        '{"message": "login failed for user \\"eve\\" from 192.0.2.7", "verdict": "failure", '
        '"host": "192.0.2.7", "user": "eve", "pattern": 0}'
    )
    entries, _ = jailctl.objects("door", stdin=LINES)
    assert [entry["message"] for entry in entries] == LINES.splitlines()
    assert [(e["verdict"], e["host"], e["user"], e["pattern"]) for e in entries] == [
        ("failure", "192.0.2.7", "eve", 0),
        ("ignored", None, None, 0),
        ("helper", "2001:db8::1", None, 1),
        ("failure", None, "", 0),
        ("miss", None, None, None),
    ]


def test_parameters_of_the_filter(jailctl):
    entries, summary = jailctl.objects("door[mode=strict]", stdin=LINES)
    assert entries[-1]["verdict"] == "failure"
    assert [pattern["text"] for pattern in summary["patterns"]][2] == "^refused <ADDR>$"


def test_the_summary(jailctl):
    _, summary = jailctl.objects("door", stdin=LINES)
    counts = {
        name: summary[name] for name in ("entries", "failures", "helpers", "ignored", "missed")
    }
    assert counts == {"entries": 5, "failures": 2, "helpers": 1, "ignored": 1, "missed": 1}
    assert [(p["pattern"], p["hits"]) for p in summary["patterns"]] == [(0, 3), (1, 1)]
    assert all(0 < p["seconds"] < summary["seconds"] < 60 for p in summary["patterns"])
    assert summary["prefregex"] is None


def test_the_time_of_the_prefregex_is_told(jailctl):
    jailctl.filter("gate", "[Definition]\nprefregex = ^in: <F-CONTENT>.+</F-CONTENT>$\n"
                           "failregex = ^bad <ADDR>$\n")  # fmt: skip
    entries, summary = jailctl.objects("gate", stdin="in: bad 192.0.2.7\nout: bad 192.0.2.7\n")
    assert [entry["verdict"] for entry in entries] == ["failure", "miss"]
    assert summary["prefregex"]["seconds"] > 0


def test_json_is_ascii_and_whole_whatever_a_message_holds(jailctl):
    message = f'caf\u00e9 {EVIL} "quoted" \\ \U0001f600'
    out = jailctl("door", "--stdin", "--json", stdin=message + "\n" + "x" * 5000 + "\n")
    assert out.isascii()
    entries = [json.loads(line) for line in out.splitlines()]
    assert [entry.get("message") for entry in entries] == [message, "x" * 5000, None]


def test_bare_messages_have_nothing_to_do_with_each_other(jailctl):
    lines = (
        "Invalid user eve from 192.0.2.7 port 4\n"
        "Failed password for invalid user eve from 192.0.2.7 port 4 ssh2\n"
    )
    entries, _ = jailctl.objects("sshd", stdin=lines)
    assert [entry["verdict"] for entry in entries] == ["failure", "failure"]


def export(*rows, unit="door.service", pid="7"):
    return "\n".join(
        f"__CURSOR=x\n_SYSTEMD_UNIT={unit}\n_PID={pid}\nSYSLOG_IDENTIFIER=door\nMESSAGE={row}\n"
        for row in rows
    )


def test_an_export_stream_passes_the_journal_match(jailctl):
    lines = LINES.splitlines()
    stdin = export(lines[0]) + "\n" + export(lines[2], unit="other.service")
    entries, _ = jailctl.objects("door", stdin=stdin)
    assert [entry["message"] for entry in entries] == lines[:1]
    entries, _ = jailctl.objects("door", "--all-entries", stdin=stdin)
    assert [entry["message"] for entry in entries] == [lines[0], lines[2]]


def test_lines_of_one_process_belong_together_in_an_export_stream(jailctl):
    rows = (
        "Invalid user eve from 192.0.2.7 port 4",
        "Failed password for invalid user eve from 192.0.2.7 port 4 ssh2",
    )
    entries, _ = jailctl.objects("sshd", "--all-entries", stdin=export(*rows))
    assert [entry["verdict"] for entry in entries] == ["failure", "helper"]


def test_a_filter_for_lines_with_a_prefix(jailctl):
    jailctl.filter("prefixed", "[INCLUDES]\nbefore = common.conf\n[Definition]\n_daemon = door\n"
                               "failregex = ^%(__prefix_line)sbad <ADDR>$\n")  # fmt: skip
    for stdin in ("bad 192.0.2.7\n", export("bad 192.0.2.7")):
        entries, _ = jailctl.objects("prefixed", stdin=stdin)
        assert entries[0]["host"] == "192.0.2.7"
        assert entries[0]["message"] == "bad 192.0.2.7"


def test_the_report(jailctl):
    out = jailctl("door", "--stdin", stdin=LINES + "session 17 begins\nsession 18 begins\n")
    assert not jailctl.status
    assert f"Filter    door ({jailctl.etc}/filter.d/door.conf)\n" in out
    assert "Match     not applied: _SYSTEMD_UNIT=door.service\n" in out
    assert "Verdicts  2 failures, 1 helper, 1 ignored, 3 missed\n" in out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert any(row.startswith("1 3 ") and row.endswith("from <HOST>$") for row in rows)
    assert "1 192.0.2.7" in rows
    assert '1 ignored - login failed for user "monitor" from 192.0.2.7' in rows
    # Messages that differ in a number only are one of a kind.
    assert "2 session 17 begins" in rows
    assert "1 refused 192.0.2.8" in rows


def test_every_missed_message(jailctl):
    stdin = "".join(f"session {number} begins\n" for number in range(30)) + LINES
    out = jailctl("door", "--stdin", "--missed", stdin=stdin).splitlines()
    assert out[:30] == stdin.splitlines()[:30]
    assert out[30] == "refused 192.0.2.8"
    assert not any(line.startswith("Missed") for line in out)


@pytest.mark.parametrize("words", [[], ["--explain"], ["--missed"]])
def test_nothing_that_a_terminal_obeys_is_printed(jailctl, words):
    stdin = f'{EVIL}\nlogin failed for user "{EVIL}" from 192.0.2.7\n'
    out = jailctl("door", "--stdin", *words, stdin=stdin)
    assert "\N{REPLACEMENT CHARACTER}[2J" in out
    assert out.replace("\n", "").isprintable()


def explained(jailctl, name, stdin):
    out = jailctl(name, "--stdin", "--explain", stdin=stdin)
    assert not jailctl.status, jailctl.err
    return " ".join(out.partition("\n\n")[0].split())


def test_a_hit_is_explained(jailctl):
    said = explained(jailctl, "door", LINES)
    assert said.startswith(
        'entry 1: login failed for user "eve" from 192.0.2.7 failregex 1 matches'
    )
    assert "<F-USER> is 'eve' <ADDR> is '192.0.2.7'" in said
    assert """ignoreregex 1 not tried: the message lacks 'for user "monitor"'""" in said
    assert said.endswith("verdict a failure of 192.0.2.7, user 'eve'")


def test_a_miss_is_explained_by_how_far_it_got(jailctl):
    said = explained(jailctl, "door", 'login failed for user "eve" by 192.0.2.7')
    assert """failregex 2 not tried: the message lacks 'greeted '""" in said
    assert "closest failregex 1 matches as far as |" in said
    assert '</F-USER>" | from <HOST>$' in said
    assert 'user "eve" | by 192.0.2.7' in said
    assert said.endswith("verdict a miss: no pattern matches")


def test_a_refusing_prefregex_is_explained(jailctl):
    jailctl.filter("gate", "[Definition]\nprefregex = ^in: <F-CONTENT>.+</F-CONTENT>$\n"
                           "failregex = ^bad <ADDR>$\n")  # fmt: skip
    said = explained(jailctl, "gate", "in bad 192.0.2.7")
    assert "prefregex not tried: the message lacks 'in: '" in said
    assert "failregex" not in said
    said = explained(jailctl, "gate", "in: bade 192.0.2.7")
    assert "^bad | <ADDR>$ in: bad | e 192.0.2.7" not in said
    assert "^bad |" in said
    assert "bad | e 192.0.2.7" in said


def test_a_name_is_explained(jailctl):
    said = explained(jailctl, "door", 'login failed for user "eve" from example.org')
    assert "'example.org' is a name" in said
    assert said.endswith("verdict a failure of nobody, user 'eve'")


def test_what_the_connection_told_is_explained(jailctl):
    rows = (
        "Invalid user eve from 192.0.2.7 port 4",
        "Failed password for invalid user eve from 192.0.2.7 port 4 ssh2",
    )
    out = jailctl("sshd", "--stdin", "--all-entries", "--explain", stdin=export(*rows))
    first, second, *_ = [" ".join(part.split()) for part in out.split("\n\n")]
    assert "connection nothing was known of it" in first
    assert "connection address 192.0.2.7, port 4, 1 counted" in second
    assert "because its attempt has counted already" in second


def test_explanations_in_json(jailctl):
    (entry, _), _ = jailctl.objects("door", "--explain", stdin="".join(LINES.splitlines(True)[:2]))
    assert entry["explanation"][-1].endswith("a failure of 192.0.2.7, user 'eve'")


def test_a_pattern_that_runs_away_is_named_and_the_test_goes_on(jailctl):
    jailctl.filter("slow", "[Definition]\nfailregex = ^ok <ADDR>$\n ^(x+)+ <ADDR>$\n")
    stdin = "x" * 40 + "! 192.0.2.7\nok 192.0.2.7\n"
    entries, summary = jailctl.objects("slow", stdin=stdin)
    assert [entry["verdict"] for entry in entries] == ["miss", "failure"]
    assert summary["runaways"] == 1
    assert jailctl.err.count("\n") == 1
    assert "failregex, pattern 2 takes too long" in jailctl.err


def test_the_filter_of_a_jail(jailctl):
    (jailctl.etc / "jail.d").mkdir()
    (jailctl.etc / "jail.d/front.local").write_text(
        "[front]\nfilter = door[mode=strict]\nport = 7000\nignoreregex = 192\\.0\\.2\\.8\n"
    )
    entries, summary = jailctl.objects("front", stdin=LINES)
    assert entries[-1]["verdict"] == "ignored"
    assert len(summary["patterns"]) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "needs something to read: --file, --directory, --since (the host's journal)"),
        (["--until", "-1h"], "needs something to read"),
        (["--stdin", "--directory", "x"], "one of --file, --directory and --stdin"),
        (["--stdin", "--since", "-1h"], "--stdin is read whole"),
        (["--since", "soon"], "'soon' is not a time such as"),
    ],
)
def test_wrong_usage(jailctl, words, says):
    assert jailctl("door", *words) == ""
    assert jailctl.status == 2
    assert says in jailctl.err
    assert jailctl.err.count("\n") == 1


def test_a_filter_that_looks_at_bans_is_refused(jailctl):
    jailctl("recidive", "--stdin")
    assert (jailctl.status, jailctl.out) == (2, "")
    assert "looks at the bans of other jails" in jailctl.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[Definition]\nfailregex = ^(<ADDR>$\n", "bad.conf:2: filter 'bad': failregex, pattern 1"),
        ("[Definition]\nfailregex = ^x$\n", "takes no address"),
        ("[Definition]\nfailregex =\n", "has no failregex"),
        ("[Definition]\nfailregex = <ADDR>\njournalmatch = unit\n", "bad.conf:3: "),
        ("nonsense", "bad.conf:1: "),
    ],
)
def test_a_filter_with_a_mistake(jailctl, text, says):
    jailctl.filter("bad", text)
    jailctl("bad", "--stdin")
    assert (jailctl.status, jailctl.out) == (78, "")
    assert says in jailctl.err
    assert jailctl.err.count("\n") == 1


def test_no_such_filter(jailctl):
    jailctl("dor", "--stdin")
    assert jailctl.status == 78
    assert "did you mean door?" in jailctl.err


def test_a_broken_stream_is_one_sentence_after_what_could_be_read(jailctl):
    out = jailctl("door", "--stdin", "--json", stdin=export("one") + "\n\nnonsense\n")
    assert jailctl.status == 1
    assert out.startswith('{"message": "one"')
    assert jailctl.err == "jailctl: entry 2 of the export stream: 'nonsense' is no field\n"


def test_it_needs_no_bus():
    code = (
        "import sys, jaild.cli.trial.command_line, jaild.cli.trial.verb;"
        "sys.exit(not {'gi', 'pydbus'}.isdisjoint(sys.modules))"
    )
    source = str(Path(jaild.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": source})


def test_no_missed_message_takes_long(jailctl):
    start = time.process_time()
    jailctl("door", "--stdin", stdin="".join(f"{char * 4000}\n" * 50 for char in "a\"'1:("))
    assert time.process_time() - start < 2
