"""Find new remarks by which a source file tells a checker to look away."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.weakened.comments import split
from grace.domain.weakened.places import name_of
from grace.domain.weakened.report import excerpt, found
from grace.domain.weakening import FilePair, Weakening, WeakeningKind

_EVERYTHING: Final = "*"
# Each names the rules that it silences in `codes`, if it names any.
_CODES: Final = r"(?:\s*[:=\[(]\s*(?P<codes>[\w ,./@:-]+))?"
_AFTER: Final = r"(?:\s+(?P<codes>[\w@/-]+(?:\s*,\s*[\w@/-]+)*))?"
_REMARKS: Final = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("noqa", rf"#\s*(?:ruff:\s*|flake8:\s*)?noqa\b{_CODES}"),
        ("type: ignore", rf"#\s*type:\s*ignore\b{_CODES}"),
        ("pyright", rf"#\s*(?:based)?pyright:\s*(?:ignore|basic|off)\b{_CODES}"),
        ("mypy", r"#\s*mypy:\s*(?P<codes>(?:ignore|allow|disable|no)[\w-]*)"),
        ("no cover", r"pragma:?\s*no\s*(?:cover|branch)"),
        ("nosec", rf"(?:#|//)\s*nosec\b{_CODES}"),
        (
            "pylint",
            r"#\s*pylint:\s*(?:disable(?:-next)?|skip-file)\b(?:\s*=\s*(?P<codes>[\w ,-]+))?",
        ),
        ("eslint-disable", rf"\beslint-disable(?:-next-line|-line)?\b{_AFTER}"),
        ("biome-ignore", r"\bbiome-ignore\s+(?P<codes>[\w/]+)"),
        ("ts-ignore", r"@ts-(?:ignore|nocheck|expect-error)\b"),
        ("coverage", r"\b(?:istanbul|c8|v8)\s+ignore\b|\bLCOV_EXCL_|:nocov:|@codeCoverageIgnore"),
        ("nolint", rf"\bNOLINT(?:NEXTLINE|BEGIN)?\b{_CODES}"),
        ("lint:ignore", r"//lint:(?:file-)?ignore\s+(?P<codes>[\w,]+)"),
        ("rubocop", rf"\b(?:rubocop|swiftlint|ktlint|detekt):(?:disable|todo)\b{_AFTER}"),
        ("NOSONAR", r"\b(?:NOSONAR|nosemgrep|gitleaks:allow|trivy:ignore)\b"),
        ("allowlist", r"pragma:\s*(?:allow|white)list\s+(?:nextline\s+)?secret"),
        ("shellcheck", r"#\s*shellcheck\s+disable\s*=\s*(?P<codes>[\w,]+)"),
        ("zizmor", r"#\s*zizmor:\s*ignore\b(?:\[(?P<codes>[\w, -]+))?"),
        ("phpstan", r"@(?:phpstan-ignore|psalm-suppress)|phpcs:(?:ignore|disable)"),
        ("checkstyle", r"CHECKSTYLE[:.]\s*OFF|CSOFF"),
    )
)
# These are no comments, and mean something in some languages only.
_ATTRIBUTES: Final = tuple(
    (word, re.compile(pattern), frozenset(suffixes.split()))
    for word, suffixes, pattern in (
        (
            "allow",
            "rs",
            r"#!?\[(?:cfg_attr\([^)]*,\s*)?(?:allow|expect)\((?P<codes>[\w:, ]+)",
        ),
        (
            "SuppressWarnings",
            "java kt kts scala groovy",
            r"@(?:file:)?Suppress(?:Warnings|FBWarnings|Lint)?\(?(?P<codes>[^)\n]{0,200})",
        ),
        (
            "SuppressMessage",
            "cs vb",
            r"\[(?:assembly:\s*)?SuppressMessage\(|#pragma\s+warning\s+disable",
        ),
        ("coverage", "cs php rs java kt", r"ExcludeFromCodeCoverage|coverage\(off\)|@Generated\b"),
        ("no_type_check", "py", r"^\s*@(?:typing\.)?no_type_check\b"),
        (
            "diagnostic",
            "c h cc cpp cxx hpp m mm",
            r"#pragma\s+(?:GCC|clang)\s+diagnostic\s+ignored",
        ),
    )
)
_SOURCES: Final = frozenset(
    [
        "py",
        "pyi",
        "js",
        "jsx",
        "ts",
        "tsx",
        "mjs",
        "cjs",
        "mts",
        "cts",
        "vue",
        "svelte",
        "go",
        "java",
        "kt",
        "kts",
        "scala",
        "groovy",
        "rb",
        "rs",
        "cs",
        "php",
        "swift",
        "c",
        "h",
        "cc",
        "cpp",
        "cxx",
        "hpp",
        "m",
        "mm",
        "sh",
        "bash",
        "bats",
        "ex",
        "exs",
        "yml",
        "yaml",
        "toml",
        "tf",
        "dart",
    ]
)
_WORTH_IT: Final = re.compile(
    r"(?i)noqa|ignore|pragma|nosec|disable|nolint|nosonar|nosemgrep|allow|suppress|expect\(|excl"
    r"|ts-nocheck|ts-expect|no_type_check|:nocov:|pyright|mypy:|coverage|:todo|@generated"
    r"|[:.]\s*off|csoff"
)


@dataclass(frozen=True, slots=True)
class _Remark:
    word: str
    codes: frozenset[str]
    line: int
    text: str

    @property
    def key(self) -> tuple[str, frozenset[str]]:
        return self.word, self.codes


def suppressions(pairs: Sequence[FilePair]) -> Iterator[Weakening]:
    """List the remarks that are new in these files; one that moved is not."""
    added: list[tuple[str, _Remark]] = []
    moved: Counter[str] = Counter()
    for file in pairs:
        if _suffix(file.path) not in _SOURCES:
            continue
        before = _remarks(file.before, _suffix(file.path))
        after = _remarks(file.after, _suffix(file.path))
        fresh, gone = _new(before, after), _new(after, before)
        moved.update(r.text for r in gone)
        added += ((file.path, remark) for remark in _not_excused(fresh, gone))
    for path, remark in added:
        if moved[remark.text] > 0:
            moved[remark.text] -= 1
            continue
        codes = "" if _EVERYTHING in remark.codes else f" {', '.join(sorted(remark.codes))}"
        message = f"a new remark tells a checker to look away: {excerpt(remark.word + codes)}"
        yield found(WeakeningKind.CHECK_RELAXED, path, remark.line, message)


def _suffix(path: str) -> str:
    return name_of(path).rpartition(".")[2].lower()


def _remarks(text: str | None, suffix: str) -> list[_Remark]:
    if text is None or not _WORTH_IT.search(text):
        return []
    parts = split(text, suffix)
    lines = text.split("\n")
    attributes = tuple((word, pattern) for word, pattern, where in _ATTRIBUTES if suffix in where)
    return [
        _Remark(word, _codes(match), number, lines[number - 1].strip())
        for patterns, side in ((_REMARKS, parts.comments), (attributes, parts.code))
        for number, line in enumerate(side, 1)
        if line and _WORTH_IT.search(line)
        for word, pattern in patterns
        for match in pattern.finditer(line)
    ]


def _codes(match: re.Match[str]) -> frozenset[str]:
    told = match.groupdict().get("codes") or ""
    names = frozenset(re.findall(r"[\w/@:.-]+", told.partition(" -")[0]))
    return names or frozenset({_EVERYTHING})


def _new(before: Sequence[_Remark], after: Sequence[_Remark]) -> list[_Remark]:
    known = Counter(r.key for r in before)
    fresh: list[_Remark] = []
    for remark in after:
        if known[remark.key] > 0:
            known[remark.key] -= 1
        else:
            fresh.append(remark)
    return fresh


def _not_excused(fresh: Sequence[_Remark], gone: Sequence[_Remark]) -> Iterator[_Remark]:
    """Yield the new remarks except those that silence less in the place of one that went."""
    left = list(gone)
    for remark in fresh:
        wider = (
            r
            for r in left
            if r.word == remark.word and (_EVERYTHING in r.codes or r.codes >= remark.codes)
        )
        excuse = next(wider, None)
        if excuse is None:
            yield remark
        else:
            left.remove(excuse)
