"""A number of the process is given back, however the blocks that change it overlap."""

import threading

import pytest

from strrn_tf.system.shared_setting import SharedSetting


class Number:
    """What a library keeps: setting it returns the value before."""

    def __init__(self, value):
        self.value = value

    def set(self, value):
        self.value, before = value, self.value
        return before


@pytest.mark.parametrize("first", [0, 1])
def test_blocks_that_overlap_give_the_number_back_at_the_last(first):
    number = Number(4)
    setting = SharedSetting(number.set)
    blocks = [setting.at_most(2), setting.at_most(1)]
    for block in blocks:
        block.__enter__()
    assert number.value == 1
    blocks[first].__exit__(None, None, None)
    assert number.value == 1 + first
    blocks[1 - first].__exit__(None, None, None)
    assert number.value == 4


def test_a_number_that_was_changed_between_blocks_is_the_one_given_back():
    number = Number(4)
    setting = SharedSetting(number.set)
    with setting.at_most(1):
        pass
    number.value = 3
    with setting.at_most(1):
        assert number.value == 1
    assert number.value == 3


def test_many_threads_leave_the_number_as_it_was():
    number = Number(4)
    setting = SharedSetting(number.set)

    def use():
        for _ in range(200):
            with setting.at_most(1):
                assert number.value == 1

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number.value == 4
