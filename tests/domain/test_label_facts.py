"""What is remembered of labels, in whatever order it is told."""

from datetime import timedelta

from grace.domain import events as ev
from grace.domain.facts import MAX_LABELS, Facts, fold, label_key
from grace.domain.people import Permission
from grace.domain.verdict import Result
from support.cases import NOW, ready

RITA, TARA = ev.Actor(login="rita"), ev.Actor(login="tara")


def seen(label="tested", actor=RITA, *, present=True, minutes=0):
    at = NOW + timedelta(minutes=minutes)
    return ev.LabelSeen(number=2, label=label, present=present, actor=actor, at=at)


def known(*events):
    facts = Facts()
    for event in events:
        facts = fold(facts, event, NOW)
    return facts.labels


def test_what_is_told_late_changes_nothing():
    on, off = seen(), seen(present=False, actor=TARA, minutes=1)
    assert known(on, off) == known(off, on) == known(off)


def test_who_set_a_label_is_not_forgotten_by_a_look_at_it():
    looked = seen(actor=None, minutes=1)
    assert known(seen(), looked) == known(seen())
    gone = seen(actor=None, minutes=1, present=False)
    assert known(seen(), gone)[label_key(2, "tested")].actor is None


def test_small_and_capital_letters_are_one_label():
    assert known(seen("Tested"), seen("TESTED", present=False, minutes=1)).keys() == {"2:tested"}


def test_a_flood_of_labels_lets_no_rule_by():
    rule = {"when": {"labels": ["risky"]}, "memory_scope": {"at_most": "read_only"}}
    matter = ready().rule(**rule)
    assert matter.tree().passes
    flood = known(*(seen(f"x{n}", TARA, minutes=n) for n in range(MAX_LABELS + 1)))
    assert len(flood) <= MAX_LABELS
    assert matter.knows(labels=flood).tree().result is Result.FAIL


def test_somebody_else_must_be_read_anew_before_a_label_counts():
    facts = Facts()
    permitted = ev.PermissionRead(
        login="rita", about="label:2:tested:rita", permission=Permission.WRITE
    )
    facts = fold(fold(facts, seen(), NOW), permitted, NOW)
    assert facts.permission(permitted.about) is Permission.WRITE
    again = fold(facts, seen(minutes=5), NOW)
    assert again.permission(permitted.about) is None
