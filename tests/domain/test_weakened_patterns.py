"""Tests of other languages than Python that got weaker are found by pattern, with their line."""

import pytest

from support.weakenings import ASSERTION, REMOVED, SKIPPED, XFAIL, found

JS = "it('adds', () => {\n  expect(add(1, 2)).toBe(3)\n})\nit('sums', () => {\n  expect(sum()).toBe(1)\n})\n"
GO = 'func TestAdd(t *testing.T) {\n\tif add() != 3 {\n\t\tt.Error("no")\n\t}\n}\n'
JAVA = "class A {\n  @Test\n  void adds() {\n    assertEquals(3, add());\n  }\n}\n"
RUBY = "it 'adds' do\n  expect(add).to eq 3\nend\n"
RUST = "fn add() {}\n#[test]\nfn adds() {\n    assert_eq!(add(), 3);\n}\n"
CSHARP = "[Fact]\npublic void Adds() {\n  Assert.Equal(3, Add());\n}\n"
PHP = "public function testAdd() {\n  $this->assertSame(3, add());\n}\n"
SWIFT = "func testAdd() {\n  XCTAssertEqual(3, add())\n}\n"
CPP = "TEST(Add, Adds) {\n  EXPECT_EQ(3, add());\n}\n"
ELIXIR = 'test "adds" do\n  assert add() == 3\nend\n'
BATS = '@test "adds" {\n  [ "$(add)" -eq 3 ]\n}\n'
DART = "test('adds', () {\n  expect(add(), 3);\n});\n"
FEATURE = "Scenario: add\n  When I add\n  Then it is 3\n"

TESTS = {
    "js test removed": (
        "a.test.ts",
        JS,
        JS.partition("it('sums")[0],
        [(REMOVED, 4), (ASSERTION, 5)],
    ),
    "js test added": ("a.test.ts", JS, JS + JS.replace("adds", "more"), []),
    "js test renamed": ("a.test.ts", JS, JS.replace("'adds'", "'adds well'"), []),
    "js test commented out": (
        "a.test.ts",
        JS,
        JS.replace("it('sums", "/* it('sums") + "*/\n",
        [(REMOVED, 4), (ASSERTION, 5)],
    ),
    "js in no test file": ("src/a.ts", JS, "", []),
    "js in a test folder": ("src/__tests__/a.js", JS, None, [(REMOVED, 1), (REMOVED, 4)]),
    "js skip": ("a.test.ts", JS, JS.replace("it('adds", "it.skip('adds"), [(SKIPPED, 1)]),
    "js skip removed": ("a.test.ts", JS.replace("it('adds", "it.skip('adds"), JS, []),
    "js skip in a comment": ("a.test.ts", JS, "// it.skip('x')\n" + JS, []),
    "js skip in a string": ("a.test.ts", JS, JS.replace("add(1, 2)", "lint('it.skip(1)')"), []),
    "js skip in a new file": ("a.test.ts", None, JS.replace("it(", "it.skip("), []),
    "js xit": ("a.test.ts", JS, JS.replace("it('adds", "xit('adds"), [(SKIPPED, 1)]),
    "js only": ("a.spec.js", JS, JS.replace("it('sums", "it.only('sums"), [(SKIPPED, 4)]),
    "js todo": (
        "a.test.ts",
        JS,
        "it.todo('adds')\n" + JS.partition("})\n")[2],
        [(SKIPPED, 1), (ASSERTION, 2)],
    ),
    "js xdescribe": ("a.test.ts", "describe('a', f)\n", "xdescribe('a', f)\n", [(SKIPPED, 1)]),
    "js fails": ("a.test.ts", JS, JS.replace("it('adds", "it.fails('adds"), [(XFAIL, 1)]),
    "js assertion removed": (
        "a.test.ts",
        JS,
        JS.replace("  expect(sum()).toBe(1)\n", ""),
        [(ASSERTION, 5)],
    ),
    "js assertion added": ("a.test.ts", JS, JS.replace("3)", "3)\n  expect(1 + 1).toBe(2)"), []),
    "js assertion of nothing": (
        "a.test.ts",
        JS,
        JS.replace("expect(sum()).toBe(1)", "expect(true).toBe(true)"),
        [(ASSERTION, 5)],
    ),
    "js assertion weaker": (
        "a.test.ts",
        JS,
        JS.replace("toBe(1)", "toBeTruthy()"),
        [(ASSERTION, 5)],
    ),
    "js reformatted": ("a.test.ts", JS, JS.replace("  expect", "    expect"), []),
    "js url in a string": (
        "a.test.ts",
        JS,
        JS.replace("add(1, 2)", "add('http://a')"),
        [],
    ),
    "go test removed": ("a_test.go", GO, "", [(REMOVED, 1), (ASSERTION, 3)]),
    "go test no longer one": ("a_test.go", GO, GO.replace("TestAdd", "testAdd"), [(REMOVED, 1)]),
    "go test renamed": ("a_test.go", GO, GO.replace("TestAdd", "TestSum"), []),
    "go skip": ("a_test.go", GO, GO.replace("\tif", '\tt.Skip("x")\n\tif'), [(SKIPPED, 2)]),
    "go error removed": ("a_test.go", GO, GO.replace('t.Error("no")', ""), [(ASSERTION, 3)]),
    "go build tag": ("a_test.go", GO, "//go:build never\n\n" + GO, [(SKIPPED, 1)]),
    "go require removed": (
        "a_test.go",
        "func TestA(t *testing.T) {\n\trequire.Equal(t, 3, add())\n}\n",
        "func TestA(t *testing.T) {\n\tadd()\n}\n",
        [(ASSERTION, 2)],
    ),
    "go require weaker": (
        "a_test.go",
        "func TestA(t *testing.T) {\n\trequire.Equal(t, 3, add())\n}\n",
        "func TestA(t *testing.T) {\n\trequire.NotNil(t, add())\n}\n",
        [(ASSERTION, 2)],
    ),
    "java test removed": (
        "src/test/A.java",
        JAVA,
        "class A {\n}\n",
        [(REMOVED, 2), (ASSERTION, 4)],
    ),
    "java annotation removed": ("ATest.java", JAVA, JAVA.replace("  @Test\n", ""), [(REMOVED, 2)]),
    "java disabled": ("ATest.java", JAVA, JAVA.replace("@Test", "@Test @Disabled"), [(SKIPPED, 2)]),
    "kotlin ignored": ("ATest.kt", JAVA, JAVA.replace("@Test", "@Ignore @Test"), [(SKIPPED, 2)]),
    "java nothing asserted": (
        "ATest.java",
        JAVA,
        JAVA.replace("assertEquals(3, add())", "assertTrue(true)"),
        [(ASSERTION, 4)],
    ),
    "java weaker": (
        "ATest.java",
        JAVA,
        JAVA.replace("assertEquals(3, add())", "assertNotNull(add())"),
        [(ASSERTION, 4)],
    ),
    "java another body": ("ATest.java", JAVA, JAVA.replace("add()", "add(1)"), []),
    "ruby test removed": ("spec/a_spec.rb", RUBY, "", [(REMOVED, 1), (ASSERTION, 2)]),
    "ruby xit": ("spec/a_spec.rb", RUBY, "x" + RUBY, [(SKIPPED, 1)]),
    "ruby pending": (
        "spec/a_spec.rb",
        RUBY,
        RUBY.replace(" do", ", pending: true do"),
        [(SKIPPED, 1)],
    ),
    "ruby skip": ("spec/a_spec.rb", RUBY, RUBY.replace("do\n", "do\n  skip 'x'\n"), [(SKIPPED, 2)]),
    "rust test removed": ("src/a.rs", RUST, "fn add() {}\n", [(REMOVED, 2), (ASSERTION, 4)]),
    "rust ignored": (
        "src/a.rs",
        RUST,
        RUST.replace("#[test]", "#[test]\n#[ignore]"),
        [(SKIPPED, 3)],
    ),
    "rust assertion removed": (
        "src/a.rs",
        RUST,
        RUST.replace("    assert_eq!(add(), 3);\n", ""),
        [(ASSERTION, 4)],
    ),
    "rust assertion weaker": (
        "src/a.rs",
        RUST,
        RUST.replace("assert_eq!(add(), 3)", "assert!(add() > 1)"),
        [(ASSERTION, 4)],
    ),
    "rust assertion that cannot fail": (
        "src/a.rs",
        RUST,
        RUST.replace("assert_eq!(add(), 3)", "assert!(true)"),
        [(ASSERTION, 4)],
    ),
    "rust without tests": ("src/a.rs", "fn a() {\n    assert!(b());\n}\n", "fn a() {}\n", []),
    "rust test folder": (
        "tests/a.rs",
        "fn a() {\n    assert!(b());\n}\n",
        "fn a() {}\n",
        [(ASSERTION, 2)],
    ),
    "c# test removed": ("ATests.cs", CSHARP, CSHARP.replace("[Fact]\n", ""), [(REMOVED, 1)]),
    "c# skipped": ("ATests.cs", CSHARP, CSHARP.replace("Fact", 'Fact(Skip = "x")'), [(SKIPPED, 1)]),
    "c# ignored": ("ATests.cs", CSHARP, "[Ignore]\n" + CSHARP, [(SKIPPED, 1)]),
    "c# assertion removed": (
        "ATests.cs",
        CSHARP,
        CSHARP.replace("Assert.Equal(3, Add())", ""),
        [(ASSERTION, 3)],
    ),
    "php test renamed away": (
        "tests/ATest.php",
        PHP,
        PHP.replace("testAdd", "add"),
        [(REMOVED, 1)],
    ),
    "php skipped": (
        "tests/ATest.php",
        PHP,
        PHP.replace("{\n", "{\n  $this->markTestSkipped();\n", 1),
        [(SKIPPED, 2)],
    ),
    "php commented out": (
        "tests/ATest.php",
        PHP,
        PHP.replace("  $this", "  # $this"),
        [(ASSERTION, 2)],
    ),
    "swift test removed": ("ATests.swift", SWIFT, "", [(REMOVED, 1), (ASSERTION, 2)]),
    "swift skipped": (
        "ATests.swift",
        SWIFT,
        SWIFT.replace("{\n", "{\n  throw XCTSkip()\n", 1),
        [(SKIPPED, 2)],
    ),
    "swift failure expected": (
        "ATests.swift",
        SWIFT,
        SWIFT.replace("{\n", "{\n  XCTExpectFailure()\n", 1),
        [(XFAIL, 2)],
    ),
    "c++ disabled": ("a_test.cc", CPP, CPP.replace("Adds", "DISABLED_Adds"), [(SKIPPED, 1)]),
    "c++ assertion removed": (
        "a_test.cc",
        CPP,
        CPP.replace("  EXPECT_EQ(3, add());\n", ""),
        [(ASSERTION, 2)],
    ),
    "elixir skipped": ("a_test.exs", ELIXIR, "@tag :skip\n" + ELIXIR, [(SKIPPED, 1)]),
    "elixir assertion removed": (
        "a_test.exs",
        ELIXIR,
        ELIXIR.replace("assert ", ""),
        [(ASSERTION, 2)],
    ),
    "bats skipped": ("a.bats", BATS, BATS.replace("{\n", "{\n  skip\n", 1), [(SKIPPED, 2)]),
    "bats assertion removed": ("a.bats", BATS, BATS.replace("  [ ", "  echo "), [(ASSERTION, 2)]),
    "dart skipped": ("a_test.dart", DART, DART.replace("});", "}, skip: true);"), [(SKIPPED, 3)]),
    "dart nothing asserted": (
        "a_test.dart",
        DART,
        DART.replace("add(), 3", "true, true"),
        [(ASSERTION, 2)],
    ),
    "feature removed": ("a.feature", FEATURE, None, [(REMOVED, 1)]),
    "feature left to itself": ("a.feature", FEATURE, "@wip\n" + FEATURE, [(SKIPPED, 1)]),
    "no language": ("tests/a.txt", JS, "", []),
}


@pytest.mark.parametrize("row", TESTS)
def test_a_weaker_test_is_found_and_its_twin_is_not(row):
    path, before, after, expected = TESTS[row]
    assert found(before, after, path) == expected
