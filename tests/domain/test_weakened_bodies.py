"""A Python test that asserts less is found; one that asserts the same in other words is not."""

import pytest

from support.weakenings import ASSERTION, THRESHOLD, around, found

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
    "least lowered below nothing": ("assert f() > 0", "assert f() > -5", [(THRESHOLD, 2)]),
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
    "fluent of what was awaited": ("(await m()).assert_good()", "await m()", [(ASSERTION, 1)]),
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
