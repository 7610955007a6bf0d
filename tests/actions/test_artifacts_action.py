"""The action that reports build artifacts, run by act, up to what the bot is sent."""

import hashlib

from grace.domain.results import CIReport
from support.sigstore_authority import Authority

AUTHORITY = Authority()
WHEEL, SOURCE = (hashlib.sha256(each).hexdigest() for each in (b"wheel", b"source"))
BUNDLE = AUTHORITY.provenance({"mesh.whl": WHEEL, "mesh.tar.gz": SOURCE})
WORKFLOW = """
name: ci
on: pull_request
permissions: {}
jobs:
  attest:
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@v4
      - name: Build
        run: mkdir dist && printf wheel > dist/mesh.whl && printf source > dist/mesh.tar.gz
      - uses: grace-mission-control/grace/actions/artifacts@v1
        with:
          artifacts: |
            dist/*.whl
            dist/*.tar.gz
          bundles: bundle.json
  forgotten:
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@v4
      - uses: grace-mission-control/grace/actions/artifacts@v1
        with: {artifacts: README, bundles: bundle.json, name: others}
  report:
    needs: [attest, forgotten]
    if: always()
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - uses: grace-mission-control/grace/actions/report@v1
        with: {url: "${{ vars.GRACE_URL }}"}
"""


async def test_artifacts_and_their_bundles_reach_the_bot(repository, run, bot):
    repository.commit({"README": "one\n", "bundle.json": BUNDLE})
    head = repository.commit({".github/workflows/ci.yml": WORKFLOW})
    ran = await run(
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{bot.url}/token?x=1",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="request-token",
        GRACE_URL=bot.url,
    )
    assert ran.conclusions == {"attest": "success", "forgotten": "failure", "report": "success"}, (
        ran
    )
    (said,) = [note.message for note in ran.ends["forgotten"].annotations]
    assert said.startswith("no bundle attests README (sha256:")
    (body,) = bot.bodies
    report = CIReport.model_validate_json(body)
    assert report.head_sha == head
    assert [(each.name, each.sha256) for each in report.artifacts] == [
        ("dist/mesh.whl", WHEEL),
        ("dist/mesh.tar.gz", SOURCE),
    ]
    assert "dsseEnvelope" in report.artifacts[0].bundle
