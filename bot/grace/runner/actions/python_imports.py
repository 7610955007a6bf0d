"""Find out which module a service misses."""

from grace.domain.playbooks.action import ActionSpec
from grace.runner.action import Found, Situation
from grace.runner.actions.python_checkout import identify_checkout, missing_module
from grace.runner.actions.service_target import Reading, spec_of


class Imports(Reading):
    """Well when nothing is missing."""

    spec: ActionSpec = spec_of("python.imports")

    def identify(self, situation: Situation) -> None:
        identify_checkout(situation)

    def look(self, situation: Situation) -> Found:
        module = missing_module(situation)
        if module is None:
            return Found(holds=True, sentence="no module is missing")
        words = f"the module `{module}` is missing"
        return Found(holds=False, sentence=words, values={"module": module})
