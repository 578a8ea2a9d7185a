# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registries say of an address, asked over a real connection, and what is made of it."""

import socket
import socketserver
import threading
import time

import pytest

from jaild.core.address import Address, to_network
from jaild.core.errors import InvalidConfig
from jaild.notify import dial, registries, whois
from jaild.notify.assignment import of_answer
from jaild.notify.patience import Patience
from jaild.notify.registries import inquire, place, referral
from jaild.notify.whois import Whois, tidy

PUBLIC, NEIGHBOUR, OTHER = Address("1.1.1.1"), Address("1.1.1.200"), Address("8.8.8.8")


class Server:
    """A whois server on loopback; ``answer`` is what it says, or does with the connection."""

    def __init__(self):
        self.questions = []
        self.answer = b"netname: EXAMPLE\r\n"
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.questions.append(self.rfile.readline())
                if callable(outer.answer):
                    outer.answer(self.request)
                else:
                    self.request.sendall(outer.answer)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *words: None
        self.port = self._server.server_address[1]
        self.place = ("127.0.0.1", self.port)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(registries, "STEP_SECONDS", 0.3)


class Clock:
    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


class Asked:
    """Stands for the registries: notes the questions, answers from a list."""

    def __init__(self, *answers):
        self.questions = []
        self._answers = list(answers)

    def __call__(self, question, server):
        self.questions.append((question, server))
        answer = self._answers.pop(0) if self._answers else f"netname: {question}\n"
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_question_is_the_address_and_nothing_else(server):
    answer = Whois(f"127.0.0.1:{server.port}").ask(Address("192.0.2.7"))
    assert server.questions == [b"192.0.2.7\r\n"]
    assert answer == "netname: EXAMPLE"


def test_of_a_network_its_first_address_is_asked(server):
    asking = Whois(f"127.0.0.1:{server.port}")
    asking.ask(Address("192.0.2.0/25"))
    asking.ask(Address("2001:db8:1::/64"))
    assert server.questions == [b"192.0.2.0\r\n", b"2001:db8:1::\r\n"]


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        asking = Whois(f"127.0.0.1:{free.getsockname()[1]}")
        assert asking.ask(PUBLIC) == ""
    assert asking.why == "whois did not answer"


def test_silence_takes_no_longer_than_a_step(server, quick):
    server.answer = lambda connection: time.sleep(2)
    begin = time.monotonic()
    asking = Whois(f"127.0.0.1:{server.port}")
    assert asking.ask(PUBLIC) == ""
    assert asking.why == "whois did not answer"
    assert time.monotonic() - begin < 1.5


def test_neither_does_an_answer_that_drips(server, quick):
    def drip(connection):
        for _ in range(60):
            connection.sendall(b"x")
            time.sleep(0.05)

    server.answer = drip
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        inquire("192.0.2.7", server.place)
    assert time.monotonic() - begin < 1.5


def test_an_endless_answer_is_cut(server):
    def flood(connection):
        try:
            while True:
                connection.sendall(b"line of text\n" * 1000)
        except OSError:
            pass

    server.answer = flood
    assert len(inquire("192.0.2.7", server.place)) == registries.LONGEST


def test_nothing_is_no_answer(server):
    server.answer = b"\r\n"
    with pytest.raises(OSError, match="sent nothing"):
        inquire("192.0.2.7", server.place)


@pytest.mark.parametrize("raw", ["Zürich".encode(), "Zürich".encode("latin-1")])
def test_both_encodings_of_registries(server, raw):
    server.answer = raw + b"\n"
    assert inquire("192.0.2.7", server.place) == "Zürich\n"


@pytest.mark.parametrize(
    ("answer", "host"),
    [
        ("% IANA\n\nrefer:        whois.ripe.net\n\ninetnum: x\n", "whois.ripe.net"),
        ("refer: whois.arin.net\r\n".replace("\r", ""), "whois.arin.net"),
        ("ReferralServer:  whois://whois.apnic.net\n", "whois.apnic.net"),
        ("ReferralServer:  whois://whois.apnic.net:43/\n", "whois.apnic.net"),
        ("refer: WHOIS.LACNIC.NET\n", "whois.lacnic.net"),
        ("refer: whois.afrinic.net \n", "whois.afrinic.net"),
        ("refer: whois.example.org\n", ""),
        ("refer: whois.ripe.net.example.org\n", ""),
        ("refer: notripe.net\n", ""),
        ("refer: 127.0.0.1\n", ""),
        ("refer: -x.ripe.net\n", ""),
        ("refer: a/../ripe.net\n", ""),
        ("refer: x..ripe.net\n", ""),
        ("ReferralServer: rwhois://rwhois.ripe.net:4321\n", ""),
        ("ReferralServer: whois://whois.ripe.net:4321\n", ""),
        ("descr: refer: whois.ripe.net\n", ""),
        ("", ""),
    ],
)
def test_only_registries_are_referred_to(answer, host):
    assert referral(answer) == host


def test_iana_is_asked_first_then_the_registry(monkeypatch):
    said = {
        "whois.iana.org": "refer: whois.arin.net\n",
        "whois.arin.net": "ReferralServer: whois://whois.ripe.net\n",
        "whois.ripe.net": "netname: EXAMPLE\nrefer: whois.iana.org\n",
    }
    asked = []

    def answer(server, question, end):
        asked.append((server, question))
        return said[server[0]]

    monkeypatch.setattr(registries, "_ask", answer)
    assert inquire("192.0.2.7", None) == said["whois.ripe.net"]
    assert asked == [((host, 43), "192.0.2.7") for host in said]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("whois.example.org", ("whois.example.org", 43)),
        ("whois.example.org:4343", ("whois.example.org", 4343)),
        ("127.0.0.1:4343", ("127.0.0.1", 4343)),
        ("127.0.0.1", ("127.0.0.1", 43)),
        ("whois.example.org.:43", ("whois.example.org", 43)),
        ("[::1]:4343", ("::1", 4343)),
        ("[::1]", ("::1", 43)),
        ("::1", ("::1", 43)),
    ],
)
def test_servers(text, found):
    assert place(text) == found


@pytest.mark.parametrize(
    "text", ["", "a b", "host:0", "host:70000", "host:x", "-h x", ":43", "x:1:2"]
)
def test_what_is_no_server(text):
    with pytest.raises(InvalidConfig):
        place(text)


def test_neighbours_share_an_answer_for_a_day():
    of_all = "inetnum: 1.1.1.0 - 1.1.1.255"
    clock, asked = Clock(), Asked(f"{of_all}\n", f"{of_all}\nb\n")
    asking = Whois(now=clock, ask=asked)
    assert [asking.ask(PUBLIC), asking.ask(NEIGHBOUR)] == [of_all] * 2
    clock.time += whois.DAY - 1
    assert asking.ask(NEIGHBOUR) == of_all
    clock.time += 1
    assert asking.ask(NEIGHBOUR) == f"{of_all}\nb"
    assert asked.questions == [(PUBLIC, None), (NEIGHBOUR, None)]


def test_neighbours_of_ipv6():
    asked = Asked(*["inet6num: 2606:4700::/32\n"] * 3)
    asking = Whois(ask=asked)
    for address in ("2606:4700:4700::1111", "2606:4700:4700:ffff::1", "2606:4700:4701::1"):
        asking.ask(Address(address))
    assert len(asked.questions) == 2


def test_customers_of_one_provider_are_told_apart():
    asked = Asked(
        "inetnum: 203.0.113.0 - 203.0.113.127\nA\n", "inetnum: 203.0.113.200/31\nB\n", "C\n", "D\n"
    )
    asking = Whois(ask=asked)
    said = [asking.ask(Address(f"203.0.113.{one}"))[-1] for one in (7, 100, 200, 201, 202, 203)]
    assert said == [*"AABBCD"]


@pytest.mark.parametrize(
    ("asked", "answer", "kept"),
    [
        ("1.2.3.4", "inetnum: 1.2.3.0 - 1.2.3.63\r\ndescr: x\r\n", "1.2.3.0/26"),
        ("1.2.3.4", "inetnum:        1.2.0.0 - 1.2.255.255", "1.2.3.0/24"),
        ("1.2.3.4", "NetRange:  1.2.0.0 - 1.2.255.255\nCIDR: 1.2.0.0/17, 1.2.3.0/25", "1.2.3.0/25"),
        # A range need not be one network.
        ("1.2.3.70", "inetnum: 1.2.3.0 - 1.2.3.95", "1.2.3.64/27"),
        ("1.2.3.4", "inetnum: 1.2.4.0 - 1.2.4.255", "1.2.3.4/32"),
        ("1.2.3.4", "# inetnum: 1.2.3.0/24\nremarks: inetnum: 1.2.3.0/24", "1.2.3.4/32"),
        ("1.2.3.4", "inetnum: 1.2.3/24\ninetnum: - \ninetnum: 1.2.3.9 - 1.2.3.1", "1.2.3.4/32"),
        ("1.2.3.4", "inetnum: 1.2.3.0 - 2001:db8::", "1.2.3.4/32"),
        ("1.2.3.4", "inet6num: ::/0\nCIDR: 0.0.0.0/0", "1.2.3.0/24"),
        ("2001:db8:1:2::/64", "inet6num: 2001:db8:1::/56", "2001:db8:1::/56"),
        ("2001:db8:1:2::/64", "inet6num: 2001:db8::/32", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "inet6num: 2001:db8:1:2::1/128", "2001:db8:1:2::/64"),
        ("1.2.0.0/20", "inetnum: 1.2.0.0/16", "1.2.0.0/20"),
        ("1.2.3.4", "", "1.2.3.4/32"),
    ],
)
def test_what_an_answer_is_of(asked, answer, kept):
    assert str(of_answer(answer, to_network(Address(asked)))) == kept


def test_an_answer_that_states_ranges_without_end():
    answer = "inet6num: 2001:db8::1 - 2001:db8:ffff:ffff:ffff:ffff:ffff:fffe\n" * 5000
    begun = time.monotonic()
    of_answer(answer, to_network(Address("2001:db8::7")))
    assert time.monotonic() - begun < 2


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(whois, "MOST_KEPT", 2)
    asked = Asked()
    asking = Whois(ask=asked)
    for address in ("1.1.1.1", "1.1.2.1", "1.1.3.1", "1.1.2.1", "1.1.1.1"):
        asking.ask(Address(address))
    assert [question for question, _ in asked.questions] == [
        "1.1.1.1", "1.1.2.1", "1.1.3.1", "1.1.1.1",
    ]  # fmt: skip


def test_too_many_questions():
    clock, asked = Clock(), Asked()
    asking = Whois(now=clock, limit=2, ask=asked)
    assert asking.ask(Address("1.1.1.1"))
    assert asking.ask(Address("1.1.2.1"))
    assert asking.ask(Address("1.1.3.1")) == ""
    assert asking.why == "whois was not asked: too many in a short time"
    assert asking.ask(Address("1.1.1.1")), "what is known needs no question"
    assert asking.why == ""
    clock.time += 60
    assert asking.ask(Address("1.1.3.1"))


def test_whoever_does_not_answer_is_left_alone_for_a_minute():
    clock, asked = Clock(), Asked(*[OSError("no")] * 3)
    asking = Whois(now=clock, ask=asked)
    for _ in range(5):
        assert asking.ask(PUBLIC) == ""
        assert asking.why == "whois did not answer"
    assert len(asked.questions) == 3
    clock.time += 60
    assert asking.ask(PUBLIC)


def test_an_answer_makes_patient_again():
    patience = Patience(100, most=2, now=Clock())
    for _ in range(3):
        patience.failed()
        patience.answered()
    assert not patience.is_tired()


def test_a_refusal_is_not_kept_for_a_day():
    asking = Whois(ask=Asked("%ERROR:201: access denied for 192.0.2.7\n", "netname: X\n"))
    assert asking.ask(PUBLIC) == ""
    assert asking.why == "whois knows nothing"
    assert asking.ask(PUBLIC) == "netname: X"


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "192.168.0.0/16", "fd00::1"])
def test_registries_do_not_hear_of_private_addresses(address):
    asked = Asked()
    asking = Whois(ask=asked)
    assert asking.ask(Address(address)) == ""
    assert asking.why == "whois was not asked: the address is not a public one"
    own = Whois("localhost:4343", ask=asked)
    assert own.ask(Address(address))
    assert asked.questions[0][1] == ("localhost", 4343)
    assert len(asked.questions) == 1


@pytest.mark.parametrize("address", ["192.0.2.1", "203.0.113.0/25", "2001:db8:7::1", "1.1.1.1"])
def test_but_of_those_for_examples(address):
    asked = Asked()
    assert Whois(ask=asked).ask(Address(address))
    assert len(asked.questions) == 1


def test_comments_and_empty_lines_are_dropped():
    answer = "% This is RIPE\r\n\r\n\r\ninetnum: x\r\n\r\n# more\r\n\r\nroute: y\r\n\r\n"
    assert tidy(answer) == "inetnum: x\n\nroute: y"


def test_hostile_answers_become_harmless():
    answer = "descr: \x1b[2Jgone\x07\ndescr: a\rb\x85c\u2028d\u202ee\tf\x00\n" + "y" * 5000
    lines = tidy(answer).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 3
    assert lines[2] == "y" * 200


def test_long_answers_are_cut():
    lines = tidy("x\n" * 1000).split("\n")
    assert len(lines) == 200
    assert lines[-1] == "(there is more)"
    assert tidy("x\n" * 200) == "\n".join(["x"] * 200)


def test_the_next_address_is_tried(server, monkeypatch):
    found = (Address("127.0.0.2"), Address("127.0.0.1"))
    monkeypatch.setattr(dial, "addresses", lambda name, seconds: found)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with dial.dial("host.example", port, time.monotonic() + 5) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


def test_an_unknown_host(monkeypatch):
    monkeypatch.setattr(dial, "getent", lambda *words: "")
    with pytest.raises(OSError, match="its name cannot be resolved"):
        dial.dial("nowhere.example", 43, time.monotonic() + 5)
    with pytest.raises(TimeoutError):
        dial.dial("nowhere.example", 43, time.monotonic() - 1)
