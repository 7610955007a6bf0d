"""Which playbooks fit a mission, and what each of them needs before it runs."""

from grace.domain.package import AcceptanceCriteria, Evidence, MetricTarget, MissionRequest, Symptom
from grace.domain.phase import Severity
from grace.domain.playbooks.action import Radius, Risk, TargetKind
from grace.domain.playbooks.planning import matching, needs, plan
from grace.domain.playbooks.playbook import Playbooks
from support.playbooks import SPECS, START, playbook, step

TARGETS = {"orders-db": TargetKind.SQLITE, "cache": TargetKind.REDIS}


def request(summary="", description="slow", metric=None, **more):
    return MissionRequest(
        subsystem_id="mesh",
        severity=Severity.HIGH,
        summary=summary,
        symptoms=(Symptom(description=description, metric_id=metric),),
        acceptance_criteria=AcceptanceCriteria(),
        **more,
    )


def fits(asked, *books, targets=None):
    found = matching(Playbooks(playbooks=books or (playbook(),)), asked, targets or TARGETS)
    return [(m.playbook.name, m.target) for m in found]


def test_a_phrase_is_found_in_any_case_as_whole_words():
    assert fits(request("It  IS\nbroken.")) == [("mend-it", "orders-db")]
    assert fits(request("it is brokenhearted")) == []
    assert fits(request(description="we see that it is broken")) == [("mend-it", "orders-db")]


def test_a_phrase_is_found_in_evidence_too():
    log = Evidence(kind="log", excerpt="it is broken", sha256="0" * 64, at=START, source="app")
    link = Evidence(kind="log", uri="https://x", sha256="0" * 64, at=START, source="app")
    assert fits(request(evidence=(link, log))) == [("mend-it", "orders-db")]
    assert fits(request(evidence=(link,))) == []


def test_a_metric_is_found_in_symptoms_and_in_targets():
    book = playbook(symptoms={"metrics": ["db.latency"]})
    assert fits(request(metric="db.latency"), book) == [("mend-it", "orders-db")]
    wanted = MetricTarget(metric_id="db.latency", comparator="<", target=1)
    asked = request().model_copy(
        update={"acceptance_criteria": AcceptanceCriteria(metric_targets=(wanted,))}
    )
    assert fits(asked, book) == [("mend-it", "orders-db")]
    assert fits(request(metric="db.errors"), book) == []


def test_a_playbook_is_for_its_kind_of_target_and_its_subsystems():
    said = request("it is broken")
    assert fits(said, playbook(target="redis")) == [("mend-it", "cache")]
    assert fits(said, playbook(target="docker")) == []
    assert fits(said, playbook(subsystems=["other"])) == []
    assert fits(said, playbook(subsystems=["mesh"])) == [("mend-it", "orders-db")]


def test_the_best_fit_stands_first():
    both = {"metrics": ["db.latency"], "phrases": ["it is broken", "so slow"]}
    books = (
        playbook(name="a", symptoms={"phrases": ["it is broken"]}),
        playbook(name="b", symptoms={"phrases": ["it is broken", "so slow"]}),
        playbook(name="c", symptoms=both),
        playbook(name="d", symptoms={"phrases": ["it is broken"]}),
    )
    asked = request("it is broken and so slow", metric="db.latency")
    one = {"orders-db": TargetKind.SQLITE}
    assert [n for n, _ in fits(asked, *books, targets=one)] == ["c", "b", "a", "d"]
    two = {"a-db": TargetKind.SQLITE, "orders-db": TargetKind.SQLITE}
    named = request("it is broken in orders-db")
    assert fits(named, targets=two) == [("mend-it", "orders-db"), ("mend-it", "a-db")]


def test_it_says_why_it_fits():
    book = playbook(symptoms={"metrics": ["db.latency"], "phrases": ["it is broken"]})
    asked = request("it is broken in orders-db", metric="db.latency")
    (match,) = matching(Playbooks(playbooks=(book,)), asked, TARGETS)
    assert match.why == (
        'a symptom of it is db.latency; the mission says "it is broken"; it names orders-db'
    )
    (match,) = matching(Playbooks(playbooks=(book,)), request(metric="db.latency"), TARGETS)
    assert match.why == "a symptom of it is db.latency"


def test_a_plan_says_of_each_step_how_grave_it_is():
    book = playbook(
        step("first", on_failure="continue", words="Mend it gently."),
        step("second", "restart", when="unhealed", risk="high"),
        step("third", "swap", when="failed", after="first"),
    )
    first, second, third = plan(book, SPECS)
    assert (first.words, first.when, first.risk, first.person) == (
        "Mend it gently.",
        "always",
        Risk.LOW,
        False,
    )
    assert (second.words, second.when, second.risk, second.undo) == (
        "restarts it",
        "while the trouble lasts",
        Risk.HIGH,
        False,
    )
    assert (third.when, third.radius, third.person) == ("if first failed", Radius.DATABASE, True)


def test_a_playbook_needs_what_its_gravest_step_needs():
    found = needs(playbook(step("a"), step("b", "swap"), step("c", "propose")), SPECS)
    assert (found.risk, found.radius, found.persons) == (Risk.HIGH, Radius.DATABASE, ("b",))
    assert found.proposes
    mild = needs(playbook(step("a", "evidence")), SPECS)
    assert (mild.risk, mild.radius, mild.persons) == (Risk.READ, Radius.NOTHING, ())
