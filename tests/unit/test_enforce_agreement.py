# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""When it is known without listing that the kernel's chains are what a file says."""

import struct

import pytest

from jaild.core.errors import FirewallFailed
from jaild.enforce import agreement
from jaild.enforce.agreement import Agreement

FIRST, SECOND = (1, 100, 7, 7), (2, 100, 8, 8)


class Kernel:
    """Counts its changes; ``generation`` None is one that does not."""

    def __init__(self) -> None:
        self.generation: int | None = 10

    def read(self):
        return self.generation

    def change(self, times=1):
        if self.generation is not None:
            self.generation += times


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def agreed(kernel):
    """An agreement about both families."""
    made = Agreement(kernel.read)
    made.refresh()
    assert made.load(4, kernel.change)
    assert made.load(6, kernel.change)
    made.settle({4: FIRST, 6: FIRST})
    return made


def test_what_was_loaded_is_equal_while_nothing_changes(agreed):
    agreed.refresh()
    assert agreed.is_equal(4, FIRST)
    assert agreed.is_complete(6, FIRST)
    assert not agreed.is_equal(4, SECOND)
    assert not agreed.is_equal(4, None)


def test_anybody_elses_change_ends_all_knowledge(agreed, kernel):
    agreed.seen(6, FIRST)
    kernel.change()
    agreed.refresh()
    assert not any(agreed.is_complete(family, FIRST) for family in (4, 6))


def test_a_change_of_ones_own_leaves_the_other_family_known(agreed, kernel):
    agreed.refresh()
    assert agreed.load(4, kernel.change)
    assert not agreed.is_equal(4, FIRST)
    agreed.settle({4: SECOND, 6: FIRST})
    agreed.refresh()
    assert agreed.is_equal(4, SECOND)
    assert agreed.is_equal(6, FIRST)


@pytest.mark.parametrize("times", [0, 2, 3])
def test_a_change_meanwhile_is_noticed(agreed, kernel, times):
    agreed.refresh()
    assert not agreed.load(4, lambda: kernel.change(times))
    agreed.settle({4: SECOND, 6: FIRST})
    assert not any(
        agreed.is_complete(family, stamp) for family in (4, 6) for stamp in (FIRST, SECOND)
    )


def test_what_we_have_left_is_told_unless_somebody_else_was_there(agreed, kernel):
    agreed.begin()
    assert agreed.left() == 12
    assert agreed.load(4, kernel.change)
    assert agreed.left() == 13
    agreed.refresh()
    assert agreed.left() == 13
    kernel.change()
    agreed.refresh()
    assert agreed.left() is None
    assert agreed.load(4, kernel.change)
    assert agreed.left() is None
    agreed.begin()
    assert agreed.left() == 15
    agreed.load(4, lambda: kernel.change(2))
    assert agreed.left() is None


def test_loading_once_more_mends_it(agreed, kernel):
    agreed.refresh()
    assert not agreed.load(4, lambda: kernel.change(2))
    assert agreed.load(4, kernel.change)
    agreed.settle({4: SECOND, 6: FIRST})
    assert agreed.is_equal(4, SECOND)
    assert not agreed.is_equal(6, FIRST)


def test_files_that_were_not_put_in_place_settle_nothing(agreed, kernel):
    agreed.refresh()
    agreed.load(4, kernel.change)
    agreed.refresh()
    agreed.settle({4: SECOND, 6: FIRST})
    assert not agreed.is_complete(4, SECOND)


def test_a_failed_change_changes_no_knowledge(agreed):
    def fail():
        raise FirewallFailed("no")

    agreed.refresh()
    with pytest.raises(FirewallFailed):
        agreed.load(4, fail)
    agreed.refresh()
    assert agreed.is_equal(4, FIRST)


def test_a_kernel_that_does_not_count_is_never_known(kernel):
    kernel.generation = None
    made = Agreement(kernel.read)
    made.refresh()
    assert not made.load(4, kernel.change)
    made.settle({4: FIRST})
    made.seen(4, FIRST)
    assert not made.is_complete(4, FIRST)


def test_a_number_that_does_not_count_our_own_changes_is_not_believed(agreed, kernel):
    """As with iptables of the old kind, beside which nf_tables still has a number."""
    assert not agreed.load(4, lambda: None)
    for _ in range(2):
        agreed.refresh()
        agreed.seen(4, FIRST)
        agreed.seen(6, FIRST)
        assert not agreed.is_complete(4, FIRST)
    assert agreed.is_complete(6, FIRST)
    assert [agreed.is_counted(family) for family in (4, 6)] == [False, True]
    assert agreed.load(4, kernel.change)
    agreed.refresh()
    agreed.seen(4, SECOND)
    assert agreed.is_complete(4, SECOND)


def test_before_the_first_change_of_our_own_the_number_is_not_believed(kernel):
    made = Agreement(kernel.read)
    made.refresh()
    made.seen(4, FIRST)
    assert not made.is_complete(4, FIRST)


def test_a_list_makes_it_complete_but_not_equal(agreed, kernel):
    kernel.change()
    agreed.refresh()
    agreed.seen(4, FIRST)
    agreed.seen(6, None)
    assert agreed.is_complete(4, FIRST)
    assert not agreed.is_equal(4, FIRST)
    assert not agreed.is_complete(6, None)


def message(kind: int, attributes: bytes) -> bytes:
    return struct.pack("=IHHII", 20 + len(attributes), kind, 0, 1, 0) + b"\0\0\0\7" + attributes


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (message(0xA0F, bytes.fromhex("0800010000000105 0800020000000009")), 261),
        (message(0xA0F, bytes.fromhex("0800020000000009")), None),
        (message(0xA0F, bytes.fromhex("0600010000010000")), None),
        (message(2, bytes.fromhex("0800010000000105")), None),
        (b"", None),
    ],
)
def test_the_kernels_answer(data, number):
    assert agreement.parse(data) == number
