"""What a connection remembers."""

from connector_runtime.memory import Dictionary, Expiring, Memory, Position, Rows


def test_entries_end() -> None:
    memory: Expiring[str, int] = Expiring(10, 5)
    memory.put("a", 1, now=100)
    assert memory.get("a", 100) == 1
    assert memory.get("a", 109.9) == 1
    assert memory.get("a", 110) is None
    assert memory.get("a", 100) is None
    assert memory.get("b", 0) is None


def test_lifetime_of_nothing_remembers_nothing() -> None:
    memory: Expiring[str, int] = Expiring(0, 5)
    memory.put("a", 1, now=100)
    assert memory.get("a", 100) is None


def test_the_longest_unused_goes_first() -> None:
    memory: Expiring[str, int] = Expiring(10, 2)
    memory.put("a", 1, 0)
    memory.put("b", 2, 0)
    assert memory.get("a", 1) == 1
    memory.put("c", 3, 1)
    assert [memory.get(key, 1) for key in "abc"] == [1, None, 3]
    memory.put("a", 4, 1)
    memory.put("d", 5, 1)
    assert [memory.get(key, 1) for key in "acd"] == [4, None, 5]


def test_falsy_values_are_values() -> None:
    memory: Expiring[str, list[int]] = Expiring(10, 2)
    memory.put("a", [], 0)
    assert memory.get("a", 1) == []


def test_dictionary_knows_what_it_was_asked_for() -> None:
    dictionary = Dictionary(Rows.of([{"id": 1}]), frozenset({1}), frozenset({2}))
    assert dictionary.answers([1, 2])
    assert dictionary.answers([])
    assert not dictionary.answers([1, 3])


def test_rows_that_are_kept_are_nobody_elses() -> None:
    rows = [{"id": 1, "tags": ["a"], "map": {"x": {"value": [1.5, None, True]}}}]
    kept = Rows.of(rows)
    rows[0]["tags"] = []
    first = kept.read()
    assert first == [{"id": 1, "tags": ["a"], "map": {"x": {"value": [1.5, None, True]}}}]
    first[0]["map"]["x"]["value"].clear()
    first.clear()
    assert kept.read() == [{"id": 1, "tags": ["a"], "map": {"x": {"value": [1.5, None, True]}}}]
    assert Rows().read() == []


def test_memory_of_a_connection() -> None:
    memory = Memory(300, 600)
    memory.positions.put("list", {1: Position()}, 0)
    memory.dictionaries.put("genres", Dictionary(Rows(), frozenset(), frozenset()), 0)
    assert memory.positions.get("list", 599) == {1: Position(0, None, Rows(), (), ())}
    assert memory.dictionaries.get("genres", 299) is not None
    assert memory.dictionaries.get("genres", 300) is None
