"""A Python test that got weaker is found by its syntax tree; its good twin is not."""

from textwrap import dedent

import pytest

from grace.domain.weakened import weakened
from grace.domain.weakening import FilePair, WeakeningKind

REMOVED = WeakeningKind.TEST_REMOVED
SKIPPED = WeakeningKind.TEST_SKIPPED
XFAIL = WeakeningKind.EXPECTED_FAILURE
ASSERTION = WeakeningKind.ASSERTION_REMOVED
THRESHOLD = WeakeningKind.THRESHOLD_LOWERED
RELAXED = WeakeningKind.CHECK_RELAXED
UNREADABLE = WeakeningKind.UNREADABLE

PATH = "tests/test_mesh.py"


def found(before, after, path=PATH):
    pair = FilePair(
        path=path,
        before=None if before is None else dedent(before),
        after=None if after is None else dedent(after),
    )
    return [(w.kind, w.line) for w in weakened([pair])]


# A test around one statement, for everything that happens inside of tests.
def around(body):
    return "def test_a():\n" + "".join(f"    {line}\n" for line in body.split("\n"))


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
        '@pytest.mark.parametrize("m", [1, 2])\n@pytest.mark.parametrize("n", [1, 2])\n'
        "def test_a(n, m):\n    assert f(n)\n",
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
    "skip added": (ONE, "@pytest.mark.skip\n" + ONE, [(SKIPPED, 1)]),
    "skip with reason added": (ONE, '@pytest.mark.skip(reason="x")\n' + ONE, [(SKIPPED, 1)]),
    "unittest skip added": (ONE, '@unittest.skip("x")\n' + ONE, [(SKIPPED, 1)]),
    "skipif added": (ONE, "@pytest.mark.skipif(WINDOWS, reason='x')\n" + ONE, [(SKIPPED, 1)]),
    "skipif that never holds": (ONE, "@pytest.mark.skipif(False)\n" + ONE, []),
    "skipif without a condition": (ONE, "@pytest.mark.skipif\n" + ONE, []),
    "skipUnless added": (ONE, "@unittest.skipUnless(LINUX, 'x')\n" + ONE, [(SKIPPED, 1)]),
    "skipUnless that always holds": (ONE, "@unittest.skipUnless(True, 'x')\n" + ONE, []),
    "skip removed": ("@pytest.mark.skip\n" + ONE, ONE, []),
    "skip narrowed": ("@pytest.mark.skip\n" + ONE, "@pytest.mark.skipif(A)\n" + ONE, []),
    "skipif widened": (
        "@pytest.mark.skipif(A)\n" + ONE,
        "@pytest.mark.skipif(True)\n" + ONE,
        [(SKIPPED, 1)],
    ),
    "skipif of another condition": (
        "@pytest.mark.skipif(A)\n" + ONE,
        "@pytest.mark.skipif(condition=B)\n" + ONE,
        [(SKIPPED, 1)],
    ),
    "reason of a skip changed": (
        '@pytest.mark.skip(reason="x")\n' + ONE,
        '@pytest.mark.skip(reason="y")\n' + ONE,
        [],
    ),
    "skip by a name of its own": (
        ONE,
        "slowly = pytest.mark.skipif(A)\n\n\n@slowly\n" + ONE,
        [(SKIPPED, 4)],
    ),
    "skip by an imported name": (ONE, "@skip_on_ci\n" + ONE, [(SKIPPED, 1)]),
    "put into the slow suite": (ONE, "@pytest.mark.slow\n" + ONE, [(SKIPPED, 1)]),
    "put into another suite": (ONE, "@pytest.mark.unit\n" + ONE, []),
    "flaky": (ONE, "@pytest.mark.flaky(reruns=3)\n" + ONE, [(SKIPPED, 1)]),
    "case skipped": (
        CASES,
        CASES.replace("3]", "pytest.param(3, marks=pytest.mark.skip)]"),
        [(SKIPPED, 1)],
    ),
    "case of a list skipped": (
        "CASES = [1, 2]\n",
        "CASES = [1, pytest.param(2, marks=[pytest.mark.xfail])]\n",
        [(XFAIL, 1)],
    ),
    "xfail added": (ONE, "@pytest.mark.xfail\n" + ONE, [(XFAIL, 1)]),
    "expectedFailure added": (ONE, "@unittest.expectedFailure\n" + ONE, [(XFAIL, 1)]),
    "xfail never": (ONE, "@pytest.mark.xfail(False)\n" + ONE, []),
    "xfail made strict": (
        "@pytest.mark.xfail\n" + ONE,
        "@pytest.mark.xfail(strict=True)\n" + ONE,
        [],
    ),
    "xfail no longer strict": (
        "@pytest.mark.xfail(strict=True)\n" + ONE,
        "@pytest.mark.xfail(strict=False)\n" + ONE,
        [(XFAIL, 1)],
    ),
    "xfail not even run": (
        "@pytest.mark.xfail\n" + ONE,
        "@pytest.mark.xfail(run=False)\n" + ONE,
        [(XFAIL, 1)],
    ),
    "xfail on a condition": (ONE, "@pytest.mark.xfail(A)\n" + ONE, [(XFAIL, 1)]),
    "whole file skipped": (ONE, "pytestmark = pytest.mark.skip\n" + ONE, [(SKIPPED, 1)]),
    "whole file skipped by a list": (
        ONE,
        "pytestmark: list = [pytest.mark.unit, pytest.mark.skip]\n" + ONE,
        [(SKIPPED, 1)],
    ),
    "file skipped by a call": (
        ONE,
        "pytest.skip('x', allow_module_level=True)\n" + ONE,
        [(SKIPPED, 1)],
    ),
    "file skipped without a module": (
        ONE,
        'numpy = pytest.importorskip("numpy")\n' + ONE,
        [(SKIPPED, 1)],
    ),
    "class skipped": (IN_CLASS, "@pytest.mark.skip\n" + IN_CLASS, [(SKIPPED, 1)]),
    "class marked": (
        IN_CLASS,
        IN_CLASS.replace(":\n", ":\n    pytestmark = pytest.mark.xfail\n", 1),
        [(XFAIL, 2)],
    ),
    "moved into a skipped class": (
        ONE,
        "@pytest.mark.skip\n" + IN_CLASS,
        [(SKIPPED, 1)],
    ),
    "skip in the body": (ONE, around('pytest.skip("x")\nassert f() == 1'), [(SKIPPED, 2)]),
    "skipTest": (
        UNITTEST,
        UNITTEST.replace("self.a", "self.skipTest('x')\n        self.a"),
        [(SKIPPED, 3)],
    ),
    "skip on a condition": (
        ONE,
        around('if not DOCKER:\n    pytest.skip("x")\nassert f() == 1'),
        [(SKIPPED, 3)],
    ),
    "SkipTest": (ONE, around('raise SkipTest("x")\nassert f() == 1'), [(SKIPPED, 2)]),
    "xfail in the body": (ONE, around('pytest.xfail("x")\nassert f() == 1'), [(XFAIL, 2)]),
    "importorskip in the body": (
        ONE,
        around('pytest.importorskip("x")\nassert f() == 1'),
        [(SKIPPED, 2)],
    ),
    "early return": (ONE, around("return\nassert f() == 1"), [(SKIPPED, 2)]),
    "return on a condition": (ONE, around("if A:\n    return\nassert f() == 1"), [(SKIPPED, 3)]),
    "return behind all": (ONE, around("assert f() == 1\nreturn"), []),
    "return of an inner function": (
        ONE,
        around("def g():\n    return f()\nassert f() == 1\nassert g() == 1"),
        [],
    ),
    "generator": (ONE, around("yield\nassert f() == 1"), [(SKIPPED, 1)]),
    "helper that skips": (ONE, "def need():\n    pytest.skip()\n\n" + ONE, [(SKIPPED, 2)]),
    "helper that returns": (ONE, "def need():\n    return 1\n\n" + ONE, []),
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


BODIES = {
    "assertion removed": ("assert f() == 1\nassert g() == 2", "assert f() == 1", [(ASSERTION, 1)]),
    "assertion added": ("assert f() == 1", "assert f() == 1\nassert g() == 2", []),
    "assertion changed": ("assert f() == 1", "assert f() == 2", []),
    "message added": ("assert f() == 1", "assert f() == 1, 'why'", []),
    "body replaced": ("assert f() == 1", "pass", [(ASSERTION, 1)]),
    "smoke test emptied": ("f()", "...", [(ASSERTION, 1)]),
    "smoke test changed": ("f()", "f(1)", []),
    "always true": ("assert f() == 1", "assert True", [(ASSERTION, 2)]),
    "always true by or": ("assert f() == 1", "assert f() == 1 or True", [(ASSERTION, 2)]),
    "always true by itself": ("assert f() == 1", "assert f() == f()", [(ASSERTION, 2)]),
    "always true tuple": ("assert f() == 1", "assert (f() == 1, 'x')", [(ASSERTION, 2)]),
    "always true length": ("assert len(f()) == 1", "assert len(f()) >= 0", [(ASSERTION, 2)]),
    "always true type": (
        "assert isinstance(f(), int)",
        "assert isinstance(f(), object)",
        [(ASSERTION, 2)],
    ),
    "never false": ("assert f() == 1", "assert not False", [(ASSERTION, 2)]),
    "unknown tuple": ("assert f() == 1", "assert (*f(),)", [(ASSERTION, 2)]),
    "and of unknown": ("assert f() == 1", "assert f() == 1 and g()", []),
    "only true": ("assert f() == 1", "assert f()", [(ASSERTION, 2)]),
    "only there": ("assert f() == 1", "assert f() is not None", [(ASSERTION, 2)]),
    "only not": ("assert f() == 1", "assert not g()", [(ASSERTION, 2)]),
    "only at least": ("assert f() == 1", "assert f() >= 1", [(ASSERTION, 2)]),
    "only in": ("assert f() == 1", "assert f() in (1, 2)", [(ASSERTION, 2)]),
    "only near": ("assert f() == 1", "assert f() == pytest.approx(1)", [(ASSERTION, 2)]),
    "only any": (
        "assert all(x == 1 for x in f())",
        "assert any(x == 1 for x in f())",
        [(ASSERTION, 2)],
    ),
    "not any": ("assert f() == 1", "assert not any(f())", [(ASSERTION, 2)]),
    "either": ("assert f() == 1", "assert f() == 1 or f() == 2", [(ASSERTION, 2)]),
    "stronger": ("assert f()", "assert f() == 1", []),
    "stronger by type": ("assert hasattr(f(), 'x')", "assert f().startswith('x')", []),
    "half of an and": ("assert f() == 1 and g() == 2", "assert f() == 1", [(ASSERTION, 1)]),
    "and split": ("assert f() == 1 and g() == 2", "assert f() == 1\nassert g() == 2", []),
    "half of a chain": ("assert 0 < f() < 5", "assert f() < 5", [(ASSERTION, 1)]),
    "limit raised": ("assert f() < 5", "assert f() < 50", [(THRESHOLD, 2)]),
    "limit raised backwards": ("assert 5 > f()", "assert 50 > f()", [(THRESHOLD, 2)]),
    "limit lowered": ("assert f() < 50", "assert f() < 5", []),
    "least lowered": ("assert f() > 5 / 2", "assert f() > 1 - 9", [(THRESHOLD, 2)]),
    "least raised": ("assert f() >= 5", "assert f() >= 5 + 1", []),
    "limit divided by nothing": ("assert f() < 5", "assert f() < 5 / 0", []),
    "limit no float holds": ("assert f() < 5", "assert f() < " + "9" * 400, []),
    "limit by a flag": ("assert f() < 5", "assert f() < True", []),
    "limit of another": ("assert f() < 5", "assert g() < 50", []),
    "tolerance grown": (
        "assert f() == approx(1, abs=0.1)",
        "assert f() == approx(1, abs=10)",
        [(THRESHOLD, 2)],
    ),
    "tolerance grown without a word": (
        "assert f() == approx(1)",
        "assert f() == approx(1, 0.5)",
        [(THRESHOLD, 2)],
    ),
    "tolerance in places": (
        "self.assertAlmostEqual(f(), 1, places=5)",
        "self.assertAlmostEqual(f(), 1, places=1)",
        [(THRESHOLD, 2)],
    ),
    "tolerance by a name": ("assert f() == approx(1, abs=1)", "assert f() == approx(1, abs=A)", []),
    "tolerance of a truth": (
        "assert isclose(f(), 1)",
        "assert isclose(f(), 1, rel_tol=1)",
        [(THRESHOLD, 2)],
    ),
    "no such keyword": ("assert f() == approx(1)", "assert f() == approx(1, nan_ok=1)", []),
    "tolerance shrunk": ("assert f() == approx(1, abs=1)", "assert f() == approx(1)", []),
    "more exceptions": (
        "with pytest.raises(ValueError):\n    f()",
        "with pytest.raises(Exception):\n    f()",
        [(ASSERTION, 2)],
    ),
    "more exceptions in a tuple": (
        "with pytest.raises(ValueError):\n    f()",
        "with pytest.raises((ValueError, KeyError)):\n    f()",
        [(ASSERTION, 2)],
    ),
    "base of an unknown exception": (
        "with pytest.raises(MeshError):\n    f()",
        "with pytest.raises(BaseException):\n    f()",
        [(ASSERTION, 2)],
    ),
    "another exception": (
        "with pytest.raises(ValueError):\n    f()",
        "with pytest.raises(KeyError):\n    f()",
        [],
    ),
    "exception without a class": (
        "with pytest.raises(ValueError):\n    f()",
        "with pytest.raises(print):\n    f()",
        [],
    ),
    "fewer exceptions": (
        "with pytest.raises(Exception):\n    f()",
        "with pytest.raises(ValueError):\n    f()",
        [],
    ),
    "words of the exception": (
        "with pytest.raises(ValueError, match='x'):\n    f()",
        "with pytest.raises(ValueError):\n    f()",
        [(ASSERTION, 2)],
    ),
    "raises gone": ("with pytest.raises(ValueError):\n    f()", "f()", [(ASSERTION, 1)]),
    "raises as a call": (
        "self.assertRaises(ValueError, f)",
        "self.assertRaises(Exception, f)",
        [(ASSERTION, 2)],
    ),
    "raises of nothing": ("with self.assertRaises():\n    f()", "f()", [(ASSERTION, 1)]),
    "swallowed": (
        "assert f() == 1",
        "try:\n    assert f() == 1\nexcept Exception:\n    pass",
        [(ASSERTION, 3)],
    ),
    "swallowed by a bare except": (
        "assert f() == 1",
        "try:\n    assert f() == 1\nexcept:\n    print()",
        [(ASSERTION, 3)],
    ),
    "swallowed among others": (
        "assert f() == 1",
        "try:\n    assert f() == 1\nexcept (KeyError, AssertionError):\n    pass",
        [(ASSERTION, 3)],
    ),
    "another exception caught": (
        "assert f() == 1",
        "try:\n    assert f() == 1\nexcept KeyError:\n    pass",
        [],
    ),
    "caught and raised again": (
        "assert f() == 1",
        "try:\n    assert f() == 1\nexcept Exception:\n    log()\n    raise",
        [],
    ),
    "suppressed": (
        "assert f() == 1",
        "with suppress(AssertionError):\n    assert f() == 1",
        [(ASSERTION, 3)],
    ),
    "another suppressed": ("assert f() == 1", "with suppress(KeyError):\n    assert f() == 1", []),
    "under with": ("assert f() == 1", "with a.b, g():\n    assert f() == 1", []),
    "never run": ("assert f() == 1", "if False:\n    assert f() == 1", [(ASSERTION, 1)]),
    "never looped": ("assert f() == 1", "while 0:\n    assert f() == 1", [(ASSERTION, 1)]),
    "looped while": ("assert f() == 1", "while g():\n    assert f() == 1", []),
    "never iterated": ("assert f() == 1", "for x in []:\n    assert f() == 1", [(ASSERTION, 1)]),
    "always run": ("assert f() == 1", "if True:\n    assert f() == 1", []),
    "run on a condition": ("assert f() == 1", "if g():\n    assert f() == 1", [(ASSERTION, 3)]),
    "run in a case": (
        "assert f() == 1",
        "match g():\n    case 1:\n        assert f() == 1",
        [(ASSERTION, 4)],
    ),
    "in a function nobody calls": (
        "assert f() == 1",
        "def g():\n    assert f() == 1",
        [(ASSERTION, 1)],
    ),
    "in a function that is called": (
        "assert f() == 1",
        "def g():\n    assert f() == 1\ng()",
        [],
    ),
    "in a class": ("assert f() == 1", "class A:\n    assert f() == 1", []),
    "unittest": ("self.assertEqual(f(), 1)", "self.assertTrue(f())", [(ASSERTION, 2)]),
    "unittest that cannot fail": (
        "self.assertEqual(f(), 1)",
        "self.assertTrue(True)",
        [(ASSERTION, 2)],
    ),
    "unittest that compares with itself": (
        "self.assertEqual(f(), 1)",
        "self.assertEqual(f(), f())",
        [(ASSERTION, 2)],
    ),
    "unittest not": ("self.assertIsNone(f())", "self.assertFalse(f())", [(ASSERTION, 2)]),
    "unittest to assert": ("self.assertEqual(f(), 1)", "assert f() == 1", []),
    "unittest of no arguments": ("self.assertTrue()", "pass", [(ASSERTION, 1)]),
    "mock": ("m.assert_called_once_with(1)", "m.assert_called()", [(ASSERTION, 2)]),
    "awaited helper": ("await assert_good(f())", "await f()", [(ASSERTION, 1)]),
    "fluent": ("assert_that(f()).is_equal_to(1)", "f()", [(ASSERTION, 1)]),
    "call of a call": ("f()()", "f()()()", []),
    "call of no name": ("(lambda: 1)()", "[1][0]()", []),
    "mocker is no skip": ("f()", "mocker.skip()", []),
}


@pytest.mark.parametrize("row", BODIES)
def test_a_weaker_body_is_found_and_its_twin_is_not(row):
    before, after, expected = BODIES[row]
    prefix = "async " if "await" in before else ""
    assert found(prefix + around(before), prefix + around(after)) == expected
