"""How tests look in the languages that are judged by pattern."""

import re
from dataclasses import dataclass
from typing import Final

_NEVER: Final = r"(?!)"


@dataclass(frozen=True, slots=True)
class Tongue:
    """The patterns of one language, each for one line without comments.

    `files`: names of test files ("" in `inline`: any file that has tests in it). A group `name` of
    `test` is the test's name. `strong` are assertions that compare with a value, `vacuous` those
    that cannot fail. `bare`: what stands in quotes leaves nothing out.
    """

    suffixes: frozenset[str]
    files: re.Pattern[str]
    test: re.Pattern[str]
    claim: re.Pattern[str]
    skip: re.Pattern[str]
    expected: re.Pattern[str]
    strong: re.Pattern[str]
    vacuous: re.Pattern[str]
    inline: bool = False
    bare: bool = False


def _tongue(suffixes: str, **patterns: str) -> Tongue:
    compiled = {
        key: re.compile(patterns.get(key, _NEVER))
        for key in ("files", "test", "claim", "skip", "expected", "strong", "vacuous")
    }
    return Tongue(
        frozenset(suffixes.split()),
        **compiled,
        inline="inline" in patterns,
        bare="bare" in patterns,
    )


TONGUES: Final = (
    _tongue(
        "js jsx ts tsx mjs cjs mts cts vue svelte",
        bare="",
        files=r"\.(test|spec|e2e|cy)\.|(^|/)(__tests__|tests?|specs?|e2e)/",
        test=(
            r"(?<![\w.$])(?:x|f)?(?:it|test|describe|specify|context"
            r"|suite)(?:\.\w+)*\s*(?:\([^()\n]*\)\s*|`[^`\n]*`\s*)?\("
        ),
        claim=(
            r"(?<![\w.$])(?:expect(?:TypeOf)?|assert\w*|should)(?:\.\w+)*\s*\(|\.should\b"
            r"|\bt\.(?:is|deepEqual|true|throws\w*)\("
        ),
        skip=(
            r"(?<![\w$])(?:it|test|describe|suite|specify|context)(?:\.\w+)*\.(?:skip\w*|todo"
            r"|only|fixme|runIf)\b|(?<![\w.$])(?:xit|xtest|xdescribe|xspecify|xcontext|fit"
            r"|fdescribe)\s*\(|\bthis\.skip\(\)|\bpending\(\)|\bt\.(?:skip|todo)\("
            r"|\btest\.(?:slow|retries)\(|\bretryTimes\("
        ),
        expected=r"\b(?:it|test)\.(?:fails|failing|fail)\b",
        strong=(
            r"\.(?:toBe|toEqual|toStrictEqual|toHaveBeenCalledWith|toMatchObject|toHaveLength"
            r"|equal|deep\w*|strictEqual|eql)\("
        ),
        vacuous=(
            r"expect\(\s*(?:true|1)\s*\)|assert(?:\.ok)?\(\s*true\s*[,)]|expect\.anything\(\)"
            r"|\.toBe\(expect\.any"
        ),
    ),
    _tongue(
        "go",
        files=r"_test\.go$",
        test=(
            r"^\s*func\s+(?P<name>(?:Test|Fuzz|Example)(?![a-z])\w*)\s*\("
            r"|^\s*func\s+\([^)]*\)\s+Test\w*\(|\bt\.Run\("
        ),
        claim=(
            r"\b[tb]\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(|\b(?:require|assert|is|qt"
            r"|gomega|c)\.[A-Z]\w*\(|\bExpect\("
        ),
        skip=(
            r"\b[tb]\.(?:Skip|Skipf|SkipNow)\(|\btesting\.Short\(\)|^\s*//go:build\b"
            r"|\bos\.Exit\(0\)"
        ),
        strong=(
            r"\b(?:require|assert)\.(?:Equal|Exactly|JSONEq|ErrorIs|ElementsMatch"
            r"|EqualError)\w*\("
        ),
        vacuous=r"\b(?:require|assert)\.True\(\s*t\s*,\s*true\b",
    ),
    _tongue(
        "java kt kts scala groovy",
        files=(
            r"(Tests?|IT|Spec)\.(java|kt|kts|scala|groovy)$|(^|/)(src/)?(test|androidTest"
            r"|integrationTest)/"
        ),
        test=r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b|^\s*def\s+\"",
        claim=(
            r"(?<!\w)(?:assert\w*|verify\w*|expect\w*|fail|then)\s*[({]|\.(?:should\w*"
            r"|andExpect|isEqualTo)\b|\s(?:shouldBe|shouldEqual)\s|^\s*assert\s"
        ),
        skip=(
            r"@(?:Disabled\w*|Ignore|EnabledIf\w*|EnabledOn\w*|IgnoreIf|PendingFeature)\b"
            r"|\bassume\w*\(|enabled\s*=\s*false|@Tag\(\"(?:slow|flaky|manual)\"\)"
        ),
        expected=r"@ExpectedToFail\b|@FailsWith\b",
        strong=r"\bassert(?:Equals|Same|ArrayEquals|IterableEquals)\(|\.isEqualTo\(|\bshouldBe\b",
        vacuous=r"\bassertTrue\(\s*true\s*\)|\bassertFalse\(\s*false\s*\)|assertThat\(\s*true\s*\)",
    ),
    _tongue(
        "rb",
        files=r"_(spec|test)\.rb$|(^|/)(spec|test)/",
        test=(
            r"^\s*x?(?:it|specify|example|scenario|test|describe|context"
            r"|feature)\b[\s(]+[\"':A-Z]|^\s*def\s+(?P<name>test_\w+)"
        ),
        claim=r"\bexpect\b|\b(?:assert|refute)\w*\b|\bmust_\w+|\.should\b|\bis_expected\b",
        skip=(
            r"^\s*(?:skip|pending)\b|^\s*x(?:it|describe|context|specify|example|scenario)\b"
            r"|^\s*f(?:it|describe|context)\b|[,(]\s*:?(?:skip|pending|focus)\b"
        ),
        strong=r"\bassert_equal\b|\bto\s+(?:eq|eql|be)\b|\bmust_equal\b",
        vacuous=r"\bassert\s*\(?\s*true\b|expect\(true\)",
    ),
    _tongue(
        "rs",
        inline="",
        files=r"(^|/)tests/",
        test=r"#\[(?:\w+::)*(?:test|rstest|test_case|proptest|bench)\b",
        claim=r"\b(?:debug_)?(?:assert\w*|prop_assert\w*|panic|unreachable)!|#\[should_panic",
        skip=r"#\[(?:cfg_attr\([^,\n]*,\s*)?ignore\b|#!?\[cfg\((?:any\(\)|not\(test\))",
        strong=r"\bassert_eq!|\bassert_matches!",
        vacuous=r"\bassert!\(\s*true\b",
    ),
    _tongue(
        "cs vb fs",
        files=r"(Tests?|Specs?)\.(cs|vb|fs)$|(^|/|\.)[Tt]ests?/",
        test=(
            r"[\[<,]\s*(?:Fact|Theory|Test|TestMethod|TestCase|InlineData|DataRow"
            r"|DataTestMethod)\b(?!Attribute\w)"
        ),
        claim=r"\b\w*Assert\w*\.\w+|\.Should\(\)|\bVerify\w*\(",
        skip=(
            r"[\[<,]\s*(?:Ignore|Explicit)\b|\bSkip\s*=|\bAssert\.(?:Ignore|Inconclusive"
            r"|Skip\w*)\(|\bSkip\.If"
        ),
        strong=(
            r"\bAssert\.(?:Equal|AreEqual|Same|StrictEqual)\b"
            r"|\.Should\(\)\.Be(?:EquivalentTo)?\("
        ),
        vacuous=r"\bAssert\.(?:IsTrue|True)\(\s*true\s*\)|\bAssert\.Pass\(",
    ),
    _tongue(
        "php",
        files=r"Test\.php$|(^|/)tests?/",
        test=(
            r"\bfunction\s+(?P<name>test\w*)\s*\(|#\[Test\]|@test\b|(?<![\w>$])(?:it"
            r"|test)\(\s*['\"]"
        ),
        claim=r"(?:->|::)(?:assert\w+|expect\w+|fail)\(|(?<![\w>$])expect\(",
        skip=r"(?:->|::)?markTest(?:Skipped|Incomplete)\(|->(?:skip|todo|only)\(",
        strong=r"assert(?:Same|Equals)\(|->toBe\(|->toEqual\(",
        vacuous=r"assertTrue\(\s*true\s*\)|expectNotToPerformAssertions",
    ),
    _tongue(
        "swift",
        files=r"Tests?\.swift$|(^|/)Tests/",
        test=r"\bfunc\s+(?P<name>test\w*)\s*\(|@Test\b",
        claim=r"\bXCT(?:Assert\w*|Fail|Unwrap)\(|#(?:expect|require)\(",
        skip=r"\bXCTSkip\w*\b|\.disabled\(",
        expected=r"\bXCTExpectFailure\b|\bwithKnownIssue\b",
        strong=r"\bXCTAssertEqual\(",
        vacuous=r"\bXCTAssert(?:True)?\(\s*true\b|#expect\(\s*true\b",
    ),
    _tongue(
        "c cc cpp cxx h hpp",
        files=r"(^|[_/.-])tests?[_/.-]|_(unittest|test)\.|[Tt]ests?\.(c|cc|cpp|cxx)$",
        test=(
            r"^\s*(?:TYPED_)?TEST(?:_F|_P|_CASE|_SUITE)?\s*\(|^\s*(?:SCENARIO|SECTION"
            r"|BOOST_\w*TEST_CASE)\s*\("
        ),
        claim=(
            r"\b(?:EXPECT|ASSERT|REQUIRE|CHECK|BOOST_(?:CHECK|REQUIRE|TEST))\w*\s*\("
            r"|(?<![\w.])assert\s*\("
        ),
        skip=r"\bGTEST_SKIP\b|\bDISABLED_\w+|\[!?(?:\.|hide|mayfail|shouldfail)\]|\bSKIP\(",
        strong=r"\b(?:EXPECT|ASSERT)_(?:EQ|STREQ|DOUBLE_EQ)\(|\bBOOST_\w+_EQUAL\(",
        vacuous=r"\b(?:EXPECT_TRUE|ASSERT_TRUE|REQUIRE|CHECK)\(\s*true\s*\)",
    ),
    _tongue(
        "ex exs",
        files=r"_test\.exs$",
        test=r"^\s*(?:test|property|describe)\s+\"",
        claim=r"\b(?:assert|refute)\w*\b",
        skip=r"@(?:module|describe)?tag\s+:?(?:skip|pending|wip)",
        strong=r"\bassert\b[^\n]*==",
        vacuous=r"\bassert\s+true\s*$",
    ),
    _tongue(
        "bats",
        files=r"",
        test=r"^\s*@test\b",
        claim=r"\b(?:assert|refute)\w*\b|^\s*\[\[?\s",
        skip=r"^\s*skip\b",
    ),
    _tongue(
        "dart",
        files=r"_test\.dart$",
        test=r"\b(?:test|testWidgets|group)\(",
        claim=r"\bexpect\w*\(|\bverify\w*\(",
        skip=r"\bskip:|\bmarkTestSkipped\(|@Skip\b",
        vacuous=r"\bexpect\(\s*true\s*,",
    ),
    _tongue(
        "feature",
        files=r"",
        test=r"^\s*(?:Scenario|Scenario Outline|Example)\b[^:\n]*:|^\s*\|",
        claim=r"^\s*Then\b",
        skip=r"@(?:skip|wip|ignore|pending|manual)\b",
    ),
)
# For a Python file whose old text nobody can parse.
PYTHON: Final = _tongue(
    "py",
    files=r"",
    test=r"^\s*(?:async\s+)?def\s+(?P<name>test\w*)\s*\(",
    claim=r"^\s*assert\b|\bself\.assert\w+\(|\braises\(",
    skip=r"\bskip\w*\b",
    expected=r"\bxfail\b|\bexpectedFailure\b",
    vacuous=r"^\s*assert\s+True\b",
)


def tongue_of(path: str) -> Tongue | None:
    """Find the language whose tests a file may hold."""
    suffix = path.rpartition(".")[2].lower()
    tongue = next((t for t in TONGUES if suffix in t.suffixes), None)
    return tongue if tongue and (tongue.inline or tongue.files.search(path)) else None
