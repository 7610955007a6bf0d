"""A Python test that is left out, or may fail, is found however that is said."""

import pytest

from support.weakenings import SKIPPED, XFAIL, around, found

ONE = "def test_a():\n    assert f() == 1\n"
IN_CLASS = "class TestA:\n    def test_a(self):\n        assert f() == 1\n"
UNITTEST = "class Mesh(TestCase):\n    def test_a(self):\n        self.assertEqual(f(), 1)\n"
CASES = '@pytest.mark.parametrize("n", [1, 2, 3])\ndef test_a(n):\n    assert f(n)\n'

FILES = {
    "skip added": (ONE, "@pytest.mark.skip\n" + ONE, [(SKIPPED, 1)]),
    "skip with reason added": (ONE, '@pytest.mark.skip(reason="x")\n' + ONE, [(SKIPPED, 1)]),
    "unittest skip added": (ONE, '@unittest.skip("x")\n' + ONE, [(SKIPPED, 1)]),
    "skipif added": (ONE, "@pytest.mark.skipif(WINDOWS, reason='x')\n" + ONE, [(SKIPPED, 1)]),
    "skipif that never holds": (ONE, "@pytest.mark.skipif(False)\n" + ONE, []),
    "skipif without a condition": (ONE, "@pytest.mark.skipif\n" + ONE, []),
    "skipUnless added": (ONE, "@unittest.skipUnless(LINUX, 'x')\n" + ONE, [(SKIPPED, 1)]),
    "skipUnless that always holds": (ONE, "@unittest.skipUnless(True, 'x')\n" + ONE, []),
    "skip removed": ("@pytest.mark.skip\n" + ONE, ONE, []),
    "skipif beside a skip": (
        "@pytest.mark.skip\n" + ONE,
        "@pytest.mark.skip\n@pytest.mark.skipif(A)\n" + ONE,
        [(SKIPPED, 2)],
    ),
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
    "Exception of skip": (
        ONE,
        around("raise pytest.skip.Exception()\nassert f() == 1"),
        [(SKIPPED, 2)],
    ),
    "exit": (ONE, around("os._exit(0)\nassert f() == 1"), [(SKIPPED, 2)]),
    "exit of the file": (ONE, "pytest.exit('x', 0)\n" + ONE, [(SKIPPED, 1)]),
    "skip under another name": (ONE, "from pytest import skip as s\n" + ONE, [(SKIPPED, 1)]),
    "skip under its own name": (ONE, "from pytest import skip, raises as r\n" + ONE, []),
    "byte order mark": (ONE, "\ufeff" + ONE, []),
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
}


@pytest.mark.parametrize("row", FILES)
def test_a_skipped_test_is_found_and_its_twin_is_not(row):
    before, after, expected = FILES[row]
    assert found(before, after) == expected
