"""Broken programs of our own, at many kinds of bugs: what repair is tried on besides others' sets."""

from support.broken.case import Case
from support.broken.job_cases import JOB_CASES
from support.broken.number_cases import NUMBER_CASES
from support.broken.record_cases import RECORD_CASES
from support.broken.text_cases import TEXT_CASES

CASES: tuple[Case, ...] = TEXT_CASES + NUMBER_CASES + RECORD_CASES + JOB_CASES

__all__ = ["CASES", "Case"]
