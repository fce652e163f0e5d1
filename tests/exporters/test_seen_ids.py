from exporters.seen_ids import SeenIds


def test_a_number_is_new_once_whatever_came_between():
    seen = SeenIds()
    numbers = [7, 0, 2**16 - 1, 2**16, 2**62, 8, 2**16 + 7]
    assert [seen.add(number) for number in numbers] == [True] * len(numbers)
    assert [seen.add(number) for number in numbers] == [False] * len(numbers)
    assert seen.add(9)
