"""A Python test file that got weaker is found by its syntax tree; its good twin is not."""

import pytest

from support.weakenings import ASSERTION, REMOVED, SKIPPED, THRESHOLD, UNREADABLE, around, found

ONE = "def test_a():\n    assert f() == 1\n"
TWO = ONE + "\n\ndef test_b():\n    assert f() == 2\n"
IN_CLASS = "class TestA:\n    def test_a(self):\n        assert f() == 1\n"
UNITTEST = "class Mesh(TestCase):\n    def test_a(self):\n        self.assertEqual(f(), 1)\n"
CASES = '@pytest.mark.parametrize("n", [1, 2, 3])\ndef test_a(n):\n    assert f(n)\n'

FILES = {
    "test removed": (TWO, ONE, [(REMOVED, 5)]),
    "test added": (ONE, TWO, []),
    "nothing changed but order": (
        TWO,
        "def test_b():\n    assert f() == 2\n\n\ndef test_a():\n    assert f() == 1\n",
        [],
    ),
    "comment added": (ONE, "# why\n" + ONE, []),
    "docstring added": (ONE, around('"""Say why."""\nassert f() == 1'), []),
    "reformatted": (ONE, "def test_a():\n    assert (\n        f()\n        == 1\n    )\n", []),
    "file deleted": (TWO, None, [(REMOVED, 1)]),
    "file without tests deleted": ("def make():\n    return 1\n", None, []),
    "file added": (None, TWO, []),
    "skipped test added": (ONE, ONE + "@pytest.mark.skip\ndef test_b():\n    assert f()\n", []),
    "renamed away": (ONE, "def check_a():\n    assert f() == 1\n", [(REMOVED, 1)]),
    "renamed to private": (ONE, "def _test_a():\n    assert f() == 1\n", [(REMOVED, 1)]),
    "renamed": (ONE, "def test_one():\n    assert f() == 1\n", []),
    "renamed and more asserted": (
        ONE,
        "def test_one():\n    x = 2\n    assert f() == 1\n",
        [],
    ),
    "made a fixture": (ONE, "@pytest.fixture\n" + ONE, [(REMOVED, 1)]),
    "commented out": (TWO, ONE + "\n\n# def test_b():\n#     assert f() == 2\n", [(REMOVED, 5)]),
    "shadowed": (ONE, ONE + "\n\ndef test_a():\n    pass\n", [(ASSERTION, 5)]),
    "overwritten": (ONE, ONE + "test_a = None\n", [(REMOVED, 1)]),
    "deleted behind": (ONE, ONE + "del test_a\n", [(REMOVED, 1)]),
    "no test by attribute": (ONE, ONE + "test_a.__test__ = False\n", [(REMOVED, 1)]),
    "a test by attribute": (ONE, ONE + "test_a.__test__ = True\n", []),
    "no tests in the file": (ONE, "__test__ = False\n" + ONE, [(REMOVED, 1)]),
    "tests in the file": (ONE, "__test__ = True\n" + ONE, []),
    "no tests in a class": (
        IN_CLASS,
        IN_CLASS.replace(":\n", ":\n    __test__ = False\n", 1),
        [(REMOVED, 2)],
    ),
    "under a false condition": (
        ONE,
        "if False:\n    def test_a():\n        assert f() == 1\n",
        [(REMOVED, 1)],
    ),
    "under type checking": (
        ONE,
        "if TYPE_CHECKING:\n    def test_a():\n        assert f() == 1\n",
        [(REMOVED, 1)],
    ),
    "under a true condition": (
        ONE,
        "if True:\n    def test_a():\n        assert f() == 1\nelse:\n    x = 1\n",
        [],
    ),
    "under a condition": (
        ONE,
        "if os.environ.get('ALL'):\n    def test_a():\n        assert f() == 1\n",
        [(SKIPPED, 2)],
    ),
    "in the else of a false condition": (
        ONE,
        "if not __debug__:\n    pass\nelse:\n    def test_a():\n        assert f() == 1\n",
        [],
    ),
    "under try": (
        ONE,
        "try:\n    def test_a():\n        assert f() == 1\nexcept ImportError:\n    pass\n",
        [],
    ),
    "under with": (ONE, "with x:\n    def test_a():\n        assert f() == 1\n", []),
    "class removed": (ONE + IN_CLASS, ONE, [(REMOVED, 4)]),
    "class of many removed": (
        ONE + IN_CLASS + "    def test_b(self):\n        assert f()\n",
        ONE,
        [(REMOVED, 4)],
    ),
    "class renamed": (IN_CLASS, IN_CLASS.replace("TestA", "TestB"), []),
    "class renamed away": (IN_CLASS, IN_CLASS.replace("TestA", "ATests"), [(REMOVED, 2)]),
    "class that cannot be collected": (
        IN_CLASS,
        IN_CLASS.replace(":\n", ":\n    def __init__(self):\n        pass\n\n", 1),
        [(REMOVED, 2)],
    ),
    "class defined twice": (
        IN_CLASS,
        IN_CLASS + "class TestA:\n    pass\n",
        [(REMOVED, 2)],
    ),
    "unittest class of any name": (UNITTEST, UNITTEST.replace("Mesh", "Net"), []),
    "unittest class without its base": (
        UNITTEST,
        UNITTEST.replace("(TestCase)", ""),
        [(REMOVED, 2)],
    ),
    "unittest to pytest": (
        UNITTEST.replace("Mesh", "TestMesh"),
        "class TestMesh:\n    def test_a(self):\n        assert f() == 1\n",
        [],
    ),
    "inherited tests gone": (
        IN_CLASS.replace("TestA", "TestA(MeshTests)"),
        IN_CLASS,
        [(REMOVED, 1)],
    ),
    "class dissolved": (
        IN_CLASS,
        "def test_a():\n    assert f() == 1\n",
        [],
    ),
    "case removed": (CASES, CASES.replace(", 3", ""), [(REMOVED, 2)]),
    "case added": (CASES, CASES.replace("3", "3, 4"), []),
    "property gone": ("@given(integers())\n" + ONE, ONE, [(REMOVED, 1)]),
    "property kept": ("@given(integers())\n" + ONE, "@given(floats())\n" + ONE, []),
    "case changed": (CASES, CASES.replace("3", "5"), []),
    "all cases removed": (CASES, CASES.replace("1, 2, 3", ""), [(REMOVED, 2)]),
    "parametrize removed": (
        CASES,
        "def test_a(n=1):\n    assert f(n)\n",
        [(REMOVED, 1)],
    ),
    "cases nobody can count": (CASES, CASES.replace("[1, 2, 3]", "more()"), []),
    "cases split over two": (
        CASES,
        (
            '@pytest.mark.parametrize("m", [1, 2])\n@pytest.mark.parametrize("n", [1, 2])\n'
            "def test_a(n, m):\n    assert f(n)\n"
        ),
        [],
    ),
    "case removed by name": (
        "CASES = {'a': 1, 'b': 2}\n" + CASES.replace("[1, 2, 3]", "CASES.items()"),
        "CASES = {'a': 1}\n" + CASES.replace("[1, 2, 3]", "CASES.items()"),
        [(REMOVED, 3)],
    ),
    "case removed from a sum": (
        CASES.replace("[1, 2, 3]", "[1] + [*(2, 3)]"),
        CASES.replace("[1, 2, 3]", "[1] + [*(2,)]"),
        [(REMOVED, 2)],
    ),
    "cases through other calls": (
        CASES.replace("[1, 2, 3]", "sorted({1, 2, 3})"),
        CASES.replace("[1, 2, 3]", "list(range(2))"),
        [(REMOVED, 2)],
    ),
    "cases of a recursive name": (
        "A = A\n" + CASES.replace("[1, 2, 3]", "A"),
        "A = A\n\n" + CASES.replace("[1, 2, 3]", "A"),
        [],
    ),
    "cases of an unknown dictionary": (
        CASES.replace("[1, 2, 3]", "{**a}"),
        CASES.replace("[1, 2, 3]", "{1: 2}"),
        [],
    ),
    "fixture with fewer parameters": (
        "@pytest.fixture(params=[1, 2])\ndef mesh(request):\n    return request.param\n",
        "@pytest.fixture(params=[1])\ndef mesh(request):\n    return request.param\n",
        [(REMOVED, 2)],
    ),
    "loop over fewer": (
        around("for n in (1, 2):\n    assert f(n) == 1"),
        around("for n in (1,):\n    assert f(n) == 1"),
        [(REMOVED, 1)],
    ),
    "assertions that became cases": (
        around("assert f(1) == 1\nassert f(2) == 2"),
        '@pytest.mark.parametrize("n", [1, 2])\ndef test_a(n):\n    assert f(n) == n\n',
        [],
    ),
    "helper emptied": (
        "def assert_good(x):\n    assert x == 1\n",
        "def assert_good(x):\n    pass\n",
        [(ASSERTION, 1)],
    ),
    "helper removed": ("def assert_good(x):\n    assert x == 1\n\n" + ONE, ONE, []),
    "helper became a test": ("def a():\n    assert f() == 1\n", ONE, []),
    "timeout raised": (
        "@pytest.mark.timeout(5)\n" + ONE,
        "@pytest.mark.timeout(50)\n" + ONE,
        [(THRESHOLD, 2)],
    ),
    "timeout of a call raised": (
        around("assert f(timeout=5) == 1\nwait_for(x, 5)"),
        around("assert f(timeout=5) == 1\nwait_for(x, 2 * 30)"),
        [(THRESHOLD, 1)],
    ),
    "timeout lowered": (
        "@pytest.mark.timeout(50)\n" + ONE,
        "@pytest.mark.timeout(5)\n" + ONE,
        [],
    ),
    "fewer examples": (
        "@settings(max_examples=500)\n" + ONE,
        "@settings(max_examples=5)\n" + ONE,
        [(THRESHOLD, 2)],
    ),
    "more examples": (
        "@settings(max_examples=5)\n" + ONE,
        "@settings(max_examples=500)\n" + ONE,
        [],
    ),
    "limit raised": ("MAX_MS = 100\n", "MAX_MS = 1_000\n", [(THRESHOLD, 1)]),
    "limit lowered": ("MAX_MS = 100\n", "MAX_MS = 10\n", []),
    "floor lowered": ("MIN_SCORE: int = 90\n", "MIN_SCORE: int = 9\n", [(THRESHOLD, 1)]),
    "floor raised": ("MIN_SCORE = 9\n", "MIN_SCORE = 90\n", []),
    "another number changed": ("PORT = 80\n", "PORT = 8080\n", []),
    "file that is no Python": (ONE, "def test_a(:\n", [(UNREADABLE, 1)]),
    "new file that is no Python": (None, "def test_a(:\n", [(UNREADABLE, 1)]),
    "file that is Python again": ("def test_a(:\n", ONE, []),
    "file that was no Python and loses": (
        "print 1\ndef test_a():\n    assert f() == 1\n",
        "x = 1\n",
        [(REMOVED, 2), (ASSERTION, 3)],
    ),
    "nested as deep as no person writes": (
        ONE,
        ONE + "x = " + "-" * 300 + "1\n",
        [(UNREADABLE, 1)],
    ),
    "zero byte": (ONE, ONE + "\0", [(UNREADABLE, 1)]),
}


@pytest.mark.parametrize("row", FILES)
def test_a_weaker_file_is_found_and_its_twin_is_not(row):
    before, after, expected = FILES[row]
    assert found(before, after) == expected
