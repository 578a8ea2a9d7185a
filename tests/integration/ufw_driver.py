# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the process inside a private mount and network namespace, with a ufw of its own.

Started by ufw_house under ``unshare --mount --net``. Requests come as JSON lines on standard input,
``[name, argument...]``; answers go out the same way.
"""

import json
import os
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from jaild.core.errors import JaildError
from jaild.core.rule import from_tuple
from jaild.dbus.loop import Loop
from jaild.enforce import chain, lock, program, transaction
from jaild.enforce.addresses import HostAddresses
from jaild.enforce.command import Commands
from jaild.enforce.drift import DriftWatch
from jaild.enforce.kernel import Kernel
from jaild.enforce.rules_file import RulesFile
from jaild.enforce.sockets import Sockets
from jaild.enforce.transaction import Transactions
from jaild.enforce.ufw import Package
from jaild.enforce.unheard import Unheard


def furnish(root: Path) -> None:
    """Give this namespace its own /etc/ufw, /etc/default/ufw and /run."""
    for argv in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", str(root / "ufw"), "/etc/ufw"],
        ["mount", "--bind", str(root / "default"), "/etc/default/ufw"],
        ["mount", "-t", "tmpfs", "tmpfs", "/run"],
        ["ip", "link", "set", "lo", "up"],
    ):
        subprocess.run(argv, check=True)


class Driver:
    """Answers requests; each public method is one."""

    def __init__(self) -> None:
        self.seen = []
        for name in ("insert", "load", "missing"):
            self._follow(name)
        self.engine = Transactions(Package())

    def _follow(self, name):
        real = getattr(Kernel, name)

        def followed(kernel, *arguments):
            self.seen.append([name, kernel.family])
            return real(kernel, *arguments)

        setattr(Kernel, name, followed)

    def run(self, *argv: str) -> list[object]:
        ended = subprocess.run(
            argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
        return [ended.returncode, ended.stdout + ended.stderr]

    def apply(self, add, drop):
        return self._result(self.engine.apply(_rules(add), _rules(drop)))

    def sync(self, rules):
        return self._result(self.engine.sync(_rules(rules)))

    def problem(self):
        """Tell what could not be done in the last change."""
        return self.problem_told

    def present(self):
        return [list(rule) for rule in self.engine.present()]

    def flush(self):
        return self.engine.flush()

    def look(self):
        condition = self.engine.look()
        return [condition.state, condition.missing]

    def by_command(self):
        self.engine = Commands(lambda: None)

    def slowly(self):
        """Let ufw's package read and write all rules, and the kernel always load all of them."""
        Package.form = lambda _self, _rule, _family: None
        self.engine = Transactions(Package())

    def afresh(self):
        """Know nothing, as after a start."""
        self.engine = Transactions(Package())

    def many(self, rules):
        transaction.MANY = rules

    def listed(self, rules):
        transaction.LISTED = rules

    def uncounted(self):
        chain.use = lambda *_: None

    def steps(self):
        """Tell how the kernel was asked or changed since the last time."""
        seen, self.seen = self.seen, []
        return seen

    def between(self, argv):
        """Let somebody else run a command just before the next change reaches the kernel."""
        insert = Kernel.insert

        def late(kernel, lines):
            Kernel.insert = insert
            subprocess.run(argv, check=True)
            kernel.insert(lines)

        Kernel.insert = late

    def patience(self, seconds):
        transaction.LOCK_PATIENCE = seconds

    def tools6(self, directory):
        self.engine._kernels[6] = Kernel(6, directory)

    def time_limit(self, seconds):
        program.TIMEOUT_SECONDS = seconds

    def crash(self, add, files=0):
        """Carry out a change in a child that dies once so many of its files are replaced."""
        child = os.fork()
        if not child:
            left = [RulesFile.commit] * files

            def commit(file):
                if not left:
                    os._exit(9)
                left.pop()(file)

            RulesFile.commit = commit
            self.engine.apply(_rules(add), [])
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def hold_lock(self, seconds):
        child = os.fork()
        if not child:
            with lock.held(lock.PATH, 1):
                time.sleep(seconds)
            os._exit(0)
        time.sleep(0.05)

    def drift(self, rules, steps, seconds):
        """Settle on rules, run commands one after the other, tell which drifts were noticed."""
        loop = Loop()
        seen = []

        def drifted(reason):
            seen.append(reason)
            watch.settled(self._told(engine.sync(_rules(rules))))

        watch = DriftWatch(loop, self.engine.look, drifted)
        engine = Unheard(self.engine, watch.deaf)
        watch.start()
        watch.settled(engine.sync(_rules(rules)))
        children = []
        for number, argv in enumerate(steps):
            start = partial(_start, argv, children)
            loop.after(int(1000 * seconds / len(steps)) * number + 100, start)
        loop.after(int(seconds * 1000) + 100, loop.quit)
        loop.run()
        watch.close()
        for child in children:
            child.wait()
        return seen

    def meanwhile(self, rules, argv, seconds):
        """Settle on rules while somebody else runs a command, once the kernel has them."""
        commit = RulesFile.commit

        def late(file):
            RulesFile.commit = commit
            subprocess.run(argv, check=True)
            commit(file)

        RulesFile.commit = late
        return self.drift(rules, [], seconds)

    def sockets(self, listen, peer, rule, others=0):
        """Ban the peer of a real connection; tell whether the server's side was ended."""
        family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        dual = listen == "::"
        server = socket.create_server((listen, 2222), family=family, dualstack_ipv6=dual)
        client = socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET)
        client.bind((peer, 0))
        client.connect(("127.0.0.1" if "." in peer else "::1", 2222))
        accepted, _ = server.accept()
        loop = Loop()
        more = [[rule[0], f"192.0.2.{number}", *rule[2:]] for number in range(others)]
        Sockets(loop).end(_rules([*more, rule]))
        loop.after(500, loop.quit)
        loop.run()
        accepted.setblocking(False)
        try:
            accepted.recv(1)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        finally:
            for one in (accepted, client, server):
                one.close()

    def addresses(self, add):
        """Tell the host's addresses before and after one was added."""
        loop = Loop()
        hosts = HostAddresses(loop, loop.quit)
        before = hosts.current
        loop.after(50, lambda: subprocess.run(["ip", "addr", "add", add, "dev", "lo"], check=True))
        loop.after(5000, loop.quit)
        loop.run()
        hosts.close()
        return [before, hosts.current]

    def start(self, address):
        """Start the enforcer on some bus; return its process id."""
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}
        argv = [sys.executable, "-m", "jaild.enforcer", "--config", "/etc/ufw/jaild"]
        self.process = subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True)
        return self.process.pid

    def stop(self):
        """End it politely; return its exit status and what it said."""
        if self.process.returncode is None:
            self.process.terminate()
            self.said = self.process.communicate(timeout=20)[1]
        return [self.process.returncode, self.said]

    def _told(self, result):
        self.problem_told = result.outcome.problem
        return result

    def _result(self, result):
        outcome = self._told(result).outcome
        refused = [list(refusal) for refusal in outcome.refused]
        return [outcome.state, outcome.added, outcome.dropped, refused]


def _rules(values):
    return [from_tuple(tuple(value)) for value in values]


def _start(argv, children):
    children.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL))


def main() -> None:
    furnish(Path(sys.argv[1]))
    driver = Driver()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        begun = time.monotonic()
        try:
            answer = {"value": getattr(driver, name)(*arguments)}
        except JaildError as error:
            answer = {"error": type(error).__name__, "sentence": str(error)}
        answer["seconds"] = time.monotonic() - begun
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
