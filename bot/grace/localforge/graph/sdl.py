"""The part of GitHub's public GraphQL schema that the forge answers."""

from typing import Final

SDL: Final = """
scalar DateTime
scalar GitObjectID
scalar URI

interface Node { id: ID! }
interface Actor { login: String! url: URI! }
interface GitObject { id: ID! oid: GitObjectID! abbreviatedOid: String! }
interface Comment { id: ID! author: Actor body: String! createdAt: DateTime! updatedAt: DateTime! }

type User implements Node & Actor { id: ID! databaseId: Int login: String! url: URI! }
type Bot implements Node & Actor { id: ID! databaseId: Int login: String! url: URI! }
type App implements Node { id: ID! databaseId: Int name: String! slug: String! url: URI! }
type PageInfo {
  endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String
}
type RateLimit {
  cost: Int! limit: Int! nodeCount: Int! remaining: Int! resetAt: DateTime! used: Int!
}

enum IssueState { CLOSED OPEN }
enum IssueStateReason { COMPLETED DUPLICATE NOT_PLANNED REOPENED }
enum IssueClosedStateReason { COMPLETED DUPLICATE NOT_PLANNED }
enum IssueOrderField { COMMENTS CREATED_AT UPDATED_AT }
enum OrderDirection { ASC DESC }
enum IssueTimelineItemsItemType { CLOSED_EVENT LABELED_EVENT REOPENED_EVENT UNLABELED_EVENT }
enum PullRequestTimelineItemsItemType { CLOSED_EVENT LABELED_EVENT REOPENED_EVENT UNLABELED_EVENT }
enum PullRequestState { CLOSED MERGED OPEN }
enum MergeableState { CONFLICTING MERGEABLE UNKNOWN }
enum PullRequestReviewState { APPROVED CHANGES_REQUESTED COMMENTED DISMISSED PENDING }
enum StatusState { ERROR EXPECTED FAILURE PENDING SUCCESS }
enum CheckStatusState { COMPLETED IN_PROGRESS PENDING QUEUED REQUESTED WAITING }
enum CheckConclusionState {
  ACTION_REQUIRED CANCELLED FAILURE NEUTRAL SKIPPED STALE STARTUP_FAILURE SUCCESS TIMED_OUT
}
enum DeploymentStatusState {
  ERROR FAILURE INACTIVE IN_PROGRESS PENDING QUEUED SUCCESS WAITING
}
enum MergeQueueEntryState { AWAITING_CHECKS LOCKED MERGEABLE QUEUED UNMERGEABLE }

type Repository implements Node {
  id: ID!
  databaseId: Int
  name: String!
  nameWithOwner: String!
  isPrivate: Boolean!
  url: URI!
  defaultBranchRef: Ref
  issue(number: Int!): Issue
  issues(
    after: String, before: String, first: Int, labels: [String!], last: Int, orderBy: IssueOrder,
    states: [IssueState!]
  ): IssueConnection!
  pullRequest(number: Int!): PullRequest
  ref(qualifiedName: String!): Ref
  object(expression: String, oid: GitObjectID): GitObject
  mergeQueue(branch: String): MergeQueue
  deployments(
    after: String, before: String, environments: [String!], first: Int, last: Int
  ): DeploymentConnection!
}
type Ref implements Node { id: ID! name: String! prefix: String! target: GitObject }
type Commit implements Node & GitObject {
  id: ID!
  oid: GitObjectID!
  abbreviatedOid: String!
  message: String!
  committedDate: DateTime!
  statusCheckRollup: StatusCheckRollup
  deployments(after: String, before: String, first: Int, last: Int): DeploymentConnection
}
type Tree implements Node & GitObject { id: ID! oid: GitObjectID! abbreviatedOid: String! }
type Blob implements Node & GitObject {
  id: ID! oid: GitObjectID! abbreviatedOid: String! byteSize: Int! text: String
}
type Label implements Node { id: ID! name: String! color: String! description: String }
type LabelConnection { nodes: [Label] pageInfo: PageInfo! totalCount: Int! }

type Issue implements Node {
  id: ID!
  databaseId: Int
  number: Int!
  title: String!
  body: String!
  url: URI!
  author: Actor
  editor: Actor
  lastEditedAt: DateTime
  userContentEdits(
    after: String, before: String, first: Int, last: Int
  ): UserContentEditConnection
  state: IssueState!
  stateReason(enableDuplicate: Boolean = false): IssueStateReason
  createdAt: DateTime!
  updatedAt: DateTime!
  closedAt: DateTime
  labels(after: String, before: String, first: Int, last: Int): LabelConnection
  timelineItems(
    after: String, before: String, first: Int, itemTypes: [IssueTimelineItemsItemType!],
    last: Int, since: DateTime, skip: Int
  ): IssueTimelineItemsConnection!
  comments(after: String, before: String, first: Int, last: Int): IssueCommentConnection!
}
union IssueTimelineItems = ClosedEvent | LabeledEvent | ReopenedEvent | UnlabeledEvent
type IssueTimelineItemsConnection {
  nodes: [IssueTimelineItems] pageInfo: PageInfo! totalCount: Int!
}
union PullRequestTimelineItems = ClosedEvent | LabeledEvent | ReopenedEvent | UnlabeledEvent
type PullRequestTimelineItemsConnection {
  nodes: [PullRequestTimelineItems] pageInfo: PageInfo! totalCount: Int!
}
type LabeledEvent implements Node { id: ID! actor: Actor createdAt: DateTime! label: Label! }
type UnlabeledEvent implements Node { id: ID! actor: Actor createdAt: DateTime! label: Label! }
type ClosedEvent implements Node { id: ID! actor: Actor createdAt: DateTime! }
type ReopenedEvent implements Node { id: ID! actor: Actor createdAt: DateTime! }
type IssueConnection { nodes: [Issue] pageInfo: PageInfo! totalCount: Int! }
type UserContentEdit implements Node {
  id: ID! editor: Actor editedAt: DateTime! createdAt: DateTime!
}
type UserContentEditConnection {
  nodes: [UserContentEdit] pageInfo: PageInfo! totalCount: Int!
}
type IssueComment implements Node & Comment {
  id: ID!
  databaseId: Int
  author: Actor
  body: String!
  url: URI!
  createdAt: DateTime!
  updatedAt: DateTime!
}
type IssueCommentConnection { nodes: [IssueComment] pageInfo: PageInfo! totalCount: Int! }
type IssueCommentEdge { cursor: String! node: IssueComment }

type PullRequest implements Node {
  id: ID!
  databaseId: Int
  number: Int!
  title: String!
  body: String!
  url: URI!
  author: Actor
  state: PullRequestState!
  merged: Boolean!
  mergedAt: DateTime
  mergedBy: Actor
  mergeCommit: Commit
  mergeable: MergeableState!
  isDraft: Boolean!
  isCrossRepository: Boolean!
  headRefName: String!
  headRefOid: GitObjectID!
  baseRefName: String!
  baseRefOid: GitObjectID!
  createdAt: DateTime!
  updatedAt: DateTime!
  closedAt: DateTime
  isInMergeQueue: Boolean!
  isMergeQueueEnabled: Boolean!
  mergeQueueEntry: MergeQueueEntry
  labels(after: String, before: String, first: Int, last: Int): LabelConnection
  timelineItems(
    after: String, before: String, first: Int, itemTypes: [PullRequestTimelineItemsItemType!],
    last: Int, since: DateTime, skip: Int
  ): PullRequestTimelineItemsConnection!
  comments(after: String, before: String, first: Int, last: Int): IssueCommentConnection!
  commits(after: String, before: String, first: Int, last: Int): PullRequestCommitConnection!
  reviews(after: String, before: String, first: Int, last: Int): PullRequestReviewConnection
}
type PullRequestCommit implements Node { id: ID! commit: Commit! pullRequest: PullRequest! }
type PullRequestCommitConnection {
  nodes: [PullRequestCommit] pageInfo: PageInfo! totalCount: Int!
}
type PullRequestReview implements Node & Comment {
  id: ID!
  databaseId: Int
  author: Actor
  body: String!
  state: PullRequestReviewState!
  commit: Commit
  submittedAt: DateTime
  createdAt: DateTime!
  updatedAt: DateTime!
}
type PullRequestReviewConnection {
  nodes: [PullRequestReview] pageInfo: PageInfo! totalCount: Int!
}

type StatusCheckRollup implements Node {
  id: ID!
  state: StatusState!
  contexts(
    after: String, before: String, first: Int, last: Int
  ): StatusCheckRollupContextConnection!
}
union StatusCheckRollupContext = CheckRun | StatusContext
type StatusCheckRollupContextConnection {
  nodes: [StatusCheckRollupContext] pageInfo: PageInfo! totalCount: Int!
}
type CheckRun implements Node {
  id: ID!
  databaseId: Int
  name: String!
  status: CheckStatusState!
  conclusion: CheckConclusionState
  detailsUrl: URI
  externalId: String
  title: String
  summary: String
  startedAt: DateTime
  completedAt: DateTime
  checkSuite: CheckSuite!
}
type CheckSuite implements Node { id: ID! databaseId: Int app: App workflowRun: WorkflowRun }
type WorkflowRun implements Node {
  id: ID! databaseId: Int event: String! runNumber: Int! workflow: Workflow!
}
type Workflow implements Node { id: ID! databaseId: Int name: String! }
type StatusContext implements Node {
  id: ID!
  context: String!
  state: StatusState!
  description: String
  targetUrl: URI
  creator: Actor
  createdAt: DateTime!
}

type Deployment implements Node {
  id: ID!
  databaseId: Int
  environment: String
  commitOid: String!
  createdAt: DateTime!
  latestStatus: DeploymentStatus
}
type DeploymentConnection { nodes: [Deployment] pageInfo: PageInfo! totalCount: Int! }
type DeploymentStatus implements Node {
  id: ID! state: DeploymentStatusState! description: String createdAt: DateTime!
  updatedAt: DateTime!
}

type MergeQueue implements Node {
  id: ID!
  url: URI!
  entries(after: String, before: String, first: Int, last: Int): MergeQueueEntryConnection
}
type MergeQueueEntryConnection { nodes: [MergeQueueEntry] pageInfo: PageInfo! totalCount: Int! }
type MergeQueueEntry implements Node {
  id: ID!
  position: Int!
  state: MergeQueueEntryState!
  enqueuedAt: DateTime!
  enqueuer: Actor!
  headCommit: Commit
  baseCommit: Commit
  pullRequest: PullRequest
}

type Query {
  repository(owner: String!, name: String!, followRenames: Boolean = true): Repository
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  rateLimit(dryRun: Boolean = false): RateLimit
  viewer: User!
}

input IssueOrder { direction: OrderDirection! field: IssueOrderField! }
input EnqueuePullRequestInput {
  clientMutationId: String expectedHeadOid: GitObjectID jump: Boolean pullRequestId: ID!
}
type EnqueuePullRequestPayload { clientMutationId: String mergeQueueEntry: MergeQueueEntry }
input DequeuePullRequestInput { clientMutationId: String id: ID! }
type DequeuePullRequestPayload { clientMutationId: String mergeQueueEntry: MergeQueueEntry }
input MarkPullRequestReadyForReviewInput { clientMutationId: String pullRequestId: ID! }
type MarkPullRequestReadyForReviewPayload { clientMutationId: String pullRequest: PullRequest }
input AddCommentInput { body: String! clientMutationId: String subjectId: ID! }
type AddCommentPayload { clientMutationId: String commentEdge: IssueCommentEdge subject: Node }
input UpdateIssueCommentInput { body: String! clientMutationId: String id: ID! }
type UpdateIssueCommentPayload { clientMutationId: String issueComment: IssueComment }
input CloseIssueInput {
  clientMutationId: String issueId: ID! stateReason: IssueClosedStateReason
}
type CloseIssuePayload { clientMutationId: String issue: Issue }

type Mutation {
  enqueuePullRequest(input: EnqueuePullRequestInput!): EnqueuePullRequestPayload
  dequeuePullRequest(input: DequeuePullRequestInput!): DequeuePullRequestPayload
  markPullRequestReadyForReview(
    input: MarkPullRequestReadyForReviewInput!
  ): MarkPullRequestReadyForReviewPayload
  addComment(input: AddCommentInput!): AddCommentPayload
  updateIssueComment(input: UpdateIssueCommentInput!): UpdateIssueCommentPayload
  closeIssue(input: CloseIssueInput!): CloseIssuePayload
}
"""
