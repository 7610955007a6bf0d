// A tour of the forge as an App built on octokit makes it; prints one JSON object.
import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { sign, verify } from "@octokit/webhooks-methods";

const given = JSON.parse(process.env.TOUR);
const repo = { owner: "ann", repo: "app" };
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const person = new Octokit({ baseUrl: given.api, auth: given.token, log: quiet });
const app = new Octokit({
  baseUrl: given.api,
  log: quiet,
  authStrategy: createAppAuth,
  auth: { appId: given.app, privateKey: given.key, installationId: given.installation },
});

const same = await app
  .request("GET /repos/{owner}/{repo}", { ...repo, headers: { "if-none-match": given.etag } })
  .catch((error) => error);
const me = (await app.rest.apps.getAuthenticated()).data;
for (let number = 0; number < 5; number += 1) {
  await person.rest.issues.create({ ...repo, title: `i${number}`, labels: ["mission"] });
}
const pages = await app.paginate(app.rest.issues.listForRepo, {
  ...repo, per_page: 2, direction: "asc", labels: "mission",
});
const comment = (await app.rest.issues.createComment({ ...repo, issue_number: 1, body: "On it" })).data;
await app.rest.reactions.createForIssueComment({ ...repo, comment_id: comment.id, content: "eyes" });

const main = (await app.rest.git.getRef({ ...repo, ref: "heads/main" })).data.object.sha;
await app.rest.git.createRef({ ...repo, ref: "refs/heads/fix", sha: main });
const content = Buffer.from("fixed\n").toString("base64");
const file = await app.rest.repos.createOrUpdateFileContents({
  ...repo, path: "b.txt", message: "add b", content, branch: "fix",
});
const head = file.data.commit.sha;
const pull = (await app.rest.pulls.create({ ...repo, title: "Fix", head: "fix", base: "main" })).data;
const check = (await app.rest.checks.create({
  ...repo, name: "mission", head_sha: head, status: "completed", conclusion: "success",
})).data;
const asked = await app.graphql(
  `query($n: Int!) { repository(owner: "ann", name: "app") { pullRequest(number: $n) {
     headRefOid commits(last: 1) { nodes { commit { statusCheckRollup { state } } } } } } }`,
  { n: pull.number },
);
const lost = await app.graphql(`{ repository(owner: "ann", name: "nowhere") { id } }`).catch((error) => error);
const stale = await app.rest.pulls
  .merge({ ...repo, pull_number: pull.number, sha: main })
  .catch((error) => error);
const merged = (await app.rest.pulls.merge({ ...repo, pull_number: pull.number, sha: head })).data;
console.log(JSON.stringify({
  slug: me.slug,
  titles: pages.map((issue) => issue.title),
  author: comment.user.login,
  check: [check.app.slug, check.conclusion],
  graphql: asked.repository.pullRequest,
  head,
  lost: lost.errors.map((error) => error.type),
  stale: stale.status,
  merged: merged.merged,
  same: same.status,
  verified: await verify(given.secret, given.payload, given.signature),
  forged: await verify(given.secret, `${given.payload} `, given.signature),
  signed: (await sign(given.secret, given.payload)) === given.signature,
}));
