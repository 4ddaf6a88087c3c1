from __future__ import annotations

from gateway.kernel.parts import Key, Parts

NUMBER: Key[int] = Key("number")


def test_a_part_stands_in_its_place_until_it_is_dropped() -> None:
    parts = Parts()
    assert parts.get(NUMBER) is None
    parts.put(NUMBER, 1000)
    parts.put(NUMBER, 2000)
    assert parts.get(NUMBER) == 2000
    parts.drop(NUMBER)
    parts.drop(NUMBER)
    assert parts.get(NUMBER) is None


def test_one_that_has_been_replaced_leaves_the_newer_one_alone() -> None:
    parts, key = Parts(), Key[list[int]]("list")
    older, newer = [1], [1]
    parts.put(key, older)
    parts.put(key, newer)
    parts.drop(key, older)
    assert parts.get(key) is newer
    parts.drop(key, newer)
    assert parts.get(key) is None


def test_keys_of_the_same_name_are_two() -> None:
    parts = Parts()
    parts.put(NUMBER, 1)
    assert parts.get(Key[int]("number")) is None and repr(NUMBER) == "Key('number')"
