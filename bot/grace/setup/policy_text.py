"""The policy file that `grace init` writes: rules that its workflow can answer, and examples."""

from typing import Final

from grace.setup.repository import Found

_TOP: Final = """\
# Rules of this repository for what Grace merges. They hold beside those of the bot
# (governance.yaml): this file adds rules and takes none away. It is read at the base commit, so a
# change of it counts once it is merged. See what is wrong with it, by line:
#   grace policy check .github/mission-control.yml
#
# `when:` says where a rule applies, `require:` what must hold there. No data is never a pass.
version: 1

rules:
"""
_RED_ON_BASE: Final = """\
  # The must-pass tests fail on the base's code and pass on the patch. Where a mission names none,
  # or they cannot show it, a maintainer decides.
  - name: a fix shows what it mends, or a maintainer takes it
    when: {severity: [critical, high]}
    require:
      any_of:
        - red_on_base: {}
        - approvals: {permission: maintain}
"""
_NO_RED_ON_BASE: Final = """\
  # Needs the job red-on-base in the workflow, which was not written: no suite was found for it.
  # - name: a fix shows what it mends, or a maintainer takes it
  #   when: {severity: [critical, high]}
  #   require:
  #     any_of:
  #       - red_on_base: {}
  #       - approvals: {permission: maintain}
"""
_ALWAYS: Final = """\

  # What scanners find and the base has not. An entry in .github/hunter-waivers.yml, with a reason
  # and an end, takes one out.
  - name: no new security finding that is high or worse
    require:
      security: {severity: high}

  - name: a large change takes two people
    require:
      any_of:
        - change_size: {files: 20, lines: 500}
        - approvals: {count: 2}

  - name: workflows, rules and migrations take a maintainer
    require:
      any_of:
        - protected_paths: {paths: [".github/**", "**/migrations/**"]}
        - approvals: {permission: maintain}
"""
_EXAMPLES: Final = """\

# More that a rule can ask for; take the # away, and put your own names in.
#
#  - name: nothing lands from Friday noon until Monday
#    when: {not: {severity: [critical]}}
#    require:
#      freeze:
#        zone: Europe/Berlin
#        weekly:
#          - {days: [fri], start: 12:00}
#          - {days: [sat, sun]}
#        dates: [{first: 2026-12-23, last: 2027-01-02}]
#
#  - name: somebody with write permission labelled it
#    when: {paths: ["billing/**"]}
#    require:
#      labels: {all_of: [release-ready], none_of: [do-not-merge]}
#
#  - name: the owners of the code approve
#    require:
#      approvals: {code_owners: true}
#
#  - name: the wheel is attested by our own build
#    require:
#      attestations:
#        artifacts: ["dist/*.whl"]
#        identity: https://github.com/__REPOSITORY__/.github/workflows/build.yml@refs/pull/*
#        issuer: https://token.actions.githubusercontent.com
"""


def policy(found: Found, *, red_on_base: bool) -> str:
    """Write the policy of a repository; `red_on_base`: whether its workflow has that job."""
    proof = _RED_ON_BASE if red_on_base else _NO_RED_ON_BASE
    examples = _EXAMPLES.replace("__REPOSITORY__", found.full_name or "OWNER/NAME")
    return f"{_TOP}{proof}{_ALWAYS}{examples}"


def subsystem(found: Found) -> str:
    """Write what the bot's `subsystems.yaml` must say of a repository."""
    return f"""\
subsystems:
  {found.name}: # the name that a mission's issue gives
    host: github.com
    repository: {found.full_name or "OWNER/NAME"}
    base_branch: {found.base_branch}
    # The deployment environment whose reports start the observation window. Leave it out where the
    # merge itself is the release.
    environment: production
    # Metrics of the catalog that must hold in every observation window.
    guards: [error_rate]
    # Whom to ask for a review: logins, or OWNER/TEAM.
    reviewers: []
    # Paths that no patch of a mission may touch at all, whoever approves.
    protected_paths: [.github/workflows/**]
"""
