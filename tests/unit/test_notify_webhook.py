# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Webhooks, posted to real servers on loopback, with and without TLS."""

import hashlib
import hmac
import json
import logging
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import jaild
from jaild.core.address import Address
from jaild.core.ban import FOREVER, Evidence
from jaild.notify import payload, webhook
from jaild.notify.model import DeliveryFailed, Facts, Notice
from jaild.notify.payload import identity
from jaild.notify.webhook import WebhookFailed, post, target_of, wait_of
from tests import certificate
from tests.manual import PAGES

START = 1_700_000_000_000_000
SECRET = "not for everybody"


def notice(number=0, **changed) -> Notice:
    given = {
        "jail": "sshd",
        "address": Address(f"198.51.{number // 256}.{number % 256}"),
        "since": START + number,
        "until": START + 600_000_000,
        "failures": 5,
        "reason": "5 failures in 10 min",
        "evidence": (Evidence(START - 1_500_000, "s=1;i=2", "Failed password for root"),),
        "host": "web1",
        "cursor": f"s=0;i={number:x}",
    }
    return Notice(**{**given, **changed})


KNOWN = {notice().address: Facts("", "Germany (DE)", "AS64496 Example", "host.example")}


class Server:
    """Notes the requests, and gives each the next of the answers, 200 when there are none."""

    def __init__(self, context=None):
        self.requests = []
        self.answers = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, self.headers, body))
                answer = outer.answers.pop(0) if outer.answers else (200, {}, b"")
                if callable(answer):
                    answer(self)
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *words: None
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook/T0KEN?a=b"
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = f"https://localhost:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @property
    def bodies(self):
        return [json.loads(body) for _, _, body in self.requests]


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def secure(tmp_path):
    made = Server(certificate.context(tmp_path))
    yield made
    made.close()


def refused(server, *answers, notices=None, secret="") -> WebhookFailed:
    server.answers += answers
    with pytest.raises(WebhookFailed) as raised:
        post(server.url, secret, notices or [notice()])
    return raised.value


def test_the_request(server):
    post(server.url, SECRET, [notice()])
    ((path, headers, raw),) = server.requests
    assert path == "/hook/T0KEN?a=b"
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == f"jaild/{jaild.__version__}"
    body = json.loads(raw.decode())
    sent = datetime.fromisoformat(body.pop("sent"))
    assert abs(datetime.now(UTC) - sent) < timedelta(seconds=30)
    assert re.fullmatch("[0-9a-f]{32}", body.pop("id"))
    assert body == {
        "version": 1,
        "type": "bans",
        "host": "web1",
        "bans": [
            {
                "id": identity(notice()),
                "jail": "sshd",
                "address": "198.51.0.0",
                "name": None,
                "network": None,
                "country": None,
                "since": "2023-11-14T22:13:20.000000Z",
                "until": "2023-11-14T22:23:20.000000Z",
                "failures": 5,
                "reason": "5 failures in 10 min",
                "evidence": [
                    {"time": "2023-11-14T22:13:18.500000Z", "message": "Failed password for root"}
                ],
            }
        ],
    }


def test_the_signature(server):
    post(server.url, SECRET, [notice()])
    ((_, headers, raw),) = server.requests
    stamp = headers["X-Jaild-Timestamp"]
    assert abs(int(stamp) - time.time()) < 30
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    assert headers["X-Jaild-Signature"] == f"sha256={expected}"


def test_without_a_secret_there_is_none(server):
    post(server.url, "", [notice()])
    assert not [name for name in server.requests[0][1] if name.lower().startswith("x-")]


def test_for_ever_is_null_and_what_is_far_is_no_error(server):
    post(server.url, "", [notice(until=FOREVER), notice(1, until=FOREVER - 1)])
    ends = [ban["until"] for ban in server.bodies[0]["bans"]]
    assert ends[0] is None
    assert ends[1].startswith("9999-12-31T")


def test_a_test_says_that_it_is_one(server):
    post(server.url, "", [notice()], test=True)
    assert server.bodies[0]["type"] == "test"


def test_hostile_text_arrives_harmless(server):
    text = 'root\x1b[2J"}]}\n\u202e\ud800 ünï'
    post(server.url, "", [notice(evidence=(Evidence(START, "", text),), reason=text)])
    (ban,) = server.bodies[0]["bans"]
    assert ban["evidence"][0]["message"] == ban["reason"]
    assert ban["reason"] == 'root\ufffd[2J"}]}\ufffd\ufffd\ufffd ünï'
    assert "ünï".encode() in server.requests[0][2]


def test_what_is_known_of_an_address(server):
    post(server.url, "", [notice(), notice(1)], facts=KNOWN)
    first, second = server.bodies[0]["bans"]
    known = ("name", "network", "country")
    assert [first[key] for key in known] == ["host.example", "AS64496 Example", "Germany (DE)"]
    assert [second[key] for key in known] == [None] * 3
    hostile = {notice().address: Facts(name="x\x1b[2J" + "y" * 9000)}
    post(server.url, "", [notice()], facts=hostile)
    name = server.bodies[1]["bans"][0]["name"]
    assert name.startswith("x\ufffd[2Jy")
    assert len(name) == 1000


def test_an_id_stays_the_same_and_is_of_one_alone(server):
    notices = [notice(0), notice(1)]
    post(server.url, "", notices)
    post(server.url, "", notices)
    post(server.url, "", notices[:1])
    post(server.url, "", notices, ["a", "b"])
    ids = [body["id"] for body in server.bodies]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert [ban["id"] for ban in server.bodies[3]["bans"]] == ["a", "b"]
    marks = {identity(notice(cursor=c, jail=j)) for c in ("x", "y") for j in ("sshd", "door")}
    assert len(marks) == 4


def test_very_many_go_in_several_requests(server):
    notices = [notice(number) for number in range(1201)]
    post(server.url, "", notices)
    assert [len(body["bans"]) for body in server.bodies] == [500, 500, 201]
    assert [ban["address"] for body in server.bodies for ban in body["bans"]] == [
        one.address for one in notices
    ]
    assert len({body["id"] for body in server.bodies}) == 3


def test_so_do_very_long_ones(server):
    evidence = tuple(Evidence(START, "", "ü" * 256) for _ in range(20))
    post(server.url, "", [notice(number, evidence=evidence) for number in range(200)])
    assert sum(len(body["bans"]) for body in server.bodies) == 200
    assert len(server.bodies) > 1
    assert all(len(raw) <= payload.MOST_BYTES + 1000 for _, _, raw in server.requests)


def test_and_those_of_several_hosts(server):
    post(server.url, "", [notice(0), notice(1), notice(2, host="web2")])
    assert [(body["host"], len(body["bans"])) for body in server.bodies] == [
        ("web1", 2),
        ("web2", 1),
    ]


def test_nothing_needs_no_request(server):
    post(server.url, "", [])
    assert not server.requests


def test_what_was_taken_before_a_failure_is_told(server):
    notices = [notice(number) for number in range(1200)]
    error = refused(server, (200, {}, b""), (503, {}, b""), notices=notices)
    assert error.delivered == 500
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_these_mean_taken(server, status):
    server.answers = [(status, {}, b"")]
    post(server.url, "", [notice()])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_these_mean_later(server, status):
    assert not refused(server, (status, {}, b"")).permanent


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422])
def test_these_mean_never(server, status):
    error = refused(server, (status, {"Location": server.url, "Retry-After": "7"}, b""))
    assert error.permanent
    assert error.after == 0
    assert len(server.requests) == 1, "redirects are not followed"
    assert isinstance(error, DeliveryFailed)


def test_retry_after(server):
    assert refused(server, (429, {"Retry-After": "120"}, b"")).after == 120
    assert refused(server, (503, {}, b"")).after == 0


def test_retry_after_in_all_its_forms():
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 <= wait_of(in_a_minute) <= 60
    assert wait_of("Fri, 01 Jan 1999 00:00:00 GMT") == 0
    assert wait_of("86400") == wait_of("Fri, 01 Jan 9999 00:00:00 GMT") == 3600
    assert [wait_of(text) for text in ("", "-5", "soon", "1e9", "9" * 50, "\u0661")] == [0] * 6


def test_the_sentence_is_short_harmless_and_without_secrets(server):
    text = b"no \x1b[2J such hook /hook/T0KEN?a=b here\n" + b"x" * 100_000
    error = refused(server, (404, {}, text), secret=SECRET)
    assert str(error).startswith(
        "the webhook at 127.0.0.1 answered 404 Not Found: no \ufffd[2J such"
    )
    assert len(str(error)) < 300
    assert str(error).isprintable()
    assert "T0KEN" not in str(error)


def test_no_part_of_the_url_comes_back(server):
    server.url += "&key=a%2Fsecret"
    error = refused(server, (403, {}, b"key a/secret of hook T0KEN-x is not known"))
    assert str(error).endswith(": key … of hook T0KEN-x is not known")
    # What everybody may see has nothing of the other side.
    assert error.brief == "the webhook at 127.0.0.1 answered 403"


def test_nothing_is_logged(server, caplog):
    caplog.set_level(logging.DEBUG)
    refused(server, (500, {}, b""), secret=SECRET)
    assert not caplog.messages


def test_nobody_listens(server):
    server.close()
    with pytest.raises(WebhookFailed, match="cannot be reached: Connection refused") as raised:
        post(server.url, "", [notice()])
    assert not raised.value.permanent
    assert "T0KEN" not in str(raised.value)


def test_what_is_no_http(server):
    error = refused(server, lambda handler: handler.wfile.write(b"220 smtp.example.org ESMTP\r\n"))
    assert not error.permanent
    assert str(error).startswith("the webhook at 127.0.0.1 cannot be reached: ")


def test_silence_and_dripping_have_their_time(server, monkeypatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.4)

    def drip(handler):
        for _ in range(40):
            handler.wfile.write(b"H")
            time.sleep(0.05)

    def drip_headers(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for _ in range(40):
            handler.wfile.write(b"X: y\r\n")
            time.sleep(0.05)

    for answer in (lambda handler: time.sleep(2), drip, drip_headers):
        begin = time.monotonic()
        error = refused(server, answer)
        assert "did not answer within" in str(error)
        assert not error.permanent
        assert time.monotonic() - begin < 1.5


def test_a_body_that_never_ends_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.4)

    def flood(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x" * 65536)
            time.sleep(0.05)

    server.answers = [flood]
    post(server.url, "", [notice()])


def test_tls(secure, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    post(secure.url, SECRET, [notice()])
    post(secure.url.replace("localhost", "127.0.0.1"), SECRET, [notice()])
    assert [len(body["bans"]) for body in secure.bodies] == [1, 1]


def test_tls_is_verified(secure):
    with pytest.raises(WebhookFailed, match="has a certificate that is not trusted: ") as raised:
        post(secure.url, SECRET, [notice()])
    assert not raised.value.permanent
    assert not secure.requests


def test_the_name_is_verified(secure, tmp_path, monkeypatch, mocker):
    mocker.patch("jaild.notify.dial.addresses", return_value=(Address("127.0.0.1"),))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with pytest.raises(WebhookFailed, match="has a certificate that is not trusted: "):
        post(secure.url.replace("localhost", "hooks.example.org"), SECRET, [notice()])
    assert not secure.requests


def test_proxies_are_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    post(server.url, "", [notice()])


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path"),
    [
        ("https://hooks.example.org", "https", "hooks.example.org", 443, "/"),
        ("https://Hooks.example.org:8443/a?b=c#d", "https", "hooks.example.org", 8443, "/a?b=c"),
        ("https://hooks.example.org./x", "https", "hooks.example.org", 443, "/x"),
        ("https://192.0.2.1/x", "https", "192.0.2.1", 443, "/x"),
        ("https://[2001:db8::1]:8443/x", "https", "2001:db8::1", 8443, "/x"),
        ("http://localhost:8080/x", "http", "localhost", 8080, "/x"),
        ("http://127.9.9.9/x", "http", "127.9.9.9", 80, "/x"),
        ("http://[::1]/x", "http", "::1", 80, "/x"),
    ],
)
def test_urls(url, scheme, host, port, path):
    target = target_of(url)
    found = (target.scheme, target.host, target.port, target.path)
    assert found == (scheme, host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org/x",
        "http://hooks.example.org/x",
        "http://localhost.example.org/x",
        "http://127.0.0.1.example.org/x",
        "http://192.0.2.1/x",
        "http://0.0.0.0/x",
        "ftp://localhost/x",
        "file:///etc/passwd",
        "https:///x",
        "https://user:word@hooks.example.org/x",
        "https://hooks.example.org:99999/x",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/a\r\nX: y",
        "https://hooks.example.org/ü",
        "https://[::1/x",
        "https://-x/",
        "https://2130706433/",
    ],
)
def test_urls_that_are_not_posted_to(url):
    with pytest.raises(WebhookFailed) as raised:
        post(url, SECRET, [notice()])
    assert raised.value.permanent
    assert "word" not in str(raised.value)


def test_localhost_is_this_host(server, mocker):
    post(server.url.replace("127.0.0.1", "localhost"), "", [notice()])
    mocker.patch("jaild.notify.dial.addresses", return_value=(Address("192.0.2.1"),))
    with pytest.raises(WebhookFailed, match="cannot be resolved"):
        post(server.url.replace("127.0.0.1", "localhost"), "", [notice()])


def test_the_manual_shows_what_is_sent():
    text = (PAGES / "jaild-webhook.5.scd").read_text()
    shown = json.loads(re.search(r"^```\n(\{.*?^\})\n```$", text, re.MULTILINE | re.DOTALL)[1])
    (one,) = payload.payloads([notice()], ["x"], 0.0, KNOWN)
    sent = json.loads(one.body)

    def shape(value):
        if isinstance(value, dict):
            return {key: shape(part) for key, part in value.items()}
        return [shape(value[0])] if isinstance(value, list) else type(value)

    assert shape(shown) == shape(sent)
    assert shown["version"] == payload.VERSION
    assert list(shown) == list(sent)


def test_the_manual_has_every_key():
    text = (PAGES / "jaild-webhook.5.scd").read_text()
    described = set(re.findall(r"^\*([a-z]+)\*$", text, re.MULTILINE))
    (one,) = payload.payloads([notice()], ["x"], 0.0, KNOWN)
    sent = json.loads(one.body)
    ban = sent["bans"][0]
    assert described == {*sent, *ban, *ban["evidence"][0]}


def test_the_manual_says_how_to_check_the_signature():
    text = (PAGES / "jaild-webhook.5.scd").read_text()
    code = re.search(r"^```\n(import hashlib.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    known: dict = {}
    exec(code, known)
    stamp, body = str(int(time.time())), b"{}"
    headers = {
        "X-Jaild-Timestamp": stamp,
        "X-Jaild-Signature": payload.signature(SECRET, stamp, body),
    }
    assert known["is_genuine"](SECRET.encode(), headers, body)
    assert not known["is_genuine"](SECRET.encode(), headers, b"{ }")
    assert not known["is_genuine"](b"other", headers, body)
    old = str(int(stamp) - 3600)
    replayed = {"X-Jaild-Timestamp": old, "X-Jaild-Signature": payload.signature(SECRET, old, body)}
    assert not known["is_genuine"](SECRET.encode(), replayed, body)
