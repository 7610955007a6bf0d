"""The tables of the forge. A column whose name ends in `_json` holds a JSON value."""

SCHEMA_VERSION = 7

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE,
  type TEXT NOT NULL, site_admin INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL);
CREATE TABLE tokens (
  hash TEXT PRIMARY KEY, kind TEXT NOT NULL, user_id INTEGER NOT NULL, installation_id INTEGER,
  run_id INTEGER, permissions_json TEXT, repositories_json TEXT, expires_at TEXT,
  app_id INTEGER);
CREATE TABLE oauth_codes (
  hash TEXT PRIMARY KEY, app_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
  redirect_uri TEXT NOT NULL, challenge TEXT, expires_at TEXT NOT NULL);
CREATE TABLE apps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  user_id INTEGER NOT NULL, public_key TEXT NOT NULL, permissions_json TEXT NOT NULL,
  events_json TEXT NOT NULL, callbacks_json TEXT NOT NULL DEFAULT '[]', secret_hash TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE installations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER NOT NULL, account_id INTEGER NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE installation_repositories (
  installation_id INTEGER NOT NULL, repository_id INTEGER NOT NULL,
  PRIMARY KEY (installation_id, repository_id));
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT, owner_id INTEGER NOT NULL, owner TEXT NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE, private INTEGER NOT NULL DEFAULT 0, description TEXT,
  default_branch TEXT NOT NULL DEFAULT 'main', parent_id INTEGER, settings_json TEXT NOT NULL,
  next_number INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  pushed_at TEXT NOT NULL, UNIQUE (owner_id, name));
CREATE TABLE former_names (
  owner_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, repository_id INTEGER NOT NULL,
  PRIMARY KEY (owner_id, name));
CREATE TABLE collaborators (
  repository_id INTEGER NOT NULL, user_id INTEGER NOT NULL, role TEXT NOT NULL,
  PRIMARY KEY (repository_id, user_id));
CREATE TABLE team_members (
  id INTEGER PRIMARY KEY AUTOINCREMENT, org TEXT NOT NULL COLLATE NOCASE,
  slug TEXT NOT NULL COLLATE NOCASE, user_id INTEGER NOT NULL, state TEXT NOT NULL,
  UNIQUE (org, slug, user_id));
CREATE TABLE protections (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, branch TEXT NOT NULL,
  settings_json TEXT NOT NULL, UNIQUE (repository_id, branch));
CREATE TABLE merge_queues (
  repository_id INTEGER NOT NULL, branch TEXT NOT NULL, method TEXT NOT NULL,
  PRIMARY KEY (repository_id, branch));
CREATE TABLE queue_entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL,
  pull_id INTEGER NOT NULL UNIQUE, base_ref TEXT NOT NULL, enqueuer_id INTEGER NOT NULL,
  base_sha TEXT, head_sha TEXT, ref TEXT, created_at TEXT NOT NULL);
CREATE TABLE labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE, color TEXT NOT NULL, description TEXT,
  UNIQUE (repository_id, name));
CREATE TABLE issues (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, number INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, user_id INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'open',
  state_reason TEXT, labels_json TEXT NOT NULL, assignees_json TEXT NOT NULL,
  is_pull INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  closed_at TEXT, closed_by INTEGER, UNIQUE (repository_id, number));
CREATE TABLE edits (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, editor_id INTEGER NOT NULL,
  at TEXT NOT NULL);
CREATE INDEX edits_by_issue ON edits (issue_id);
CREATE TABLE happenings (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, actor_id INTEGER NOT NULL,
  kind TEXT NOT NULL, label TEXT, at TEXT NOT NULL);
CREATE INDEX happenings_by_issue ON happenings (issue_id);
CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, issue_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX comments_by_issue ON comments (issue_id);
CREATE TABLE reactions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, subject_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL, content TEXT NOT NULL, created_at TEXT NOT NULL,
  UNIQUE (subject, subject_id, user_id, content));
CREATE TABLE pulls (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, number INTEGER NOT NULL,
  issue_id INTEGER NOT NULL UNIQUE, head_repository_id INTEGER NOT NULL, head_ref TEXT NOT NULL,
  head_sha TEXT NOT NULL, base_ref TEXT NOT NULL, base_sha TEXT NOT NULL,
  draft INTEGER NOT NULL DEFAULT 0, merged INTEGER NOT NULL DEFAULT 0, merged_at TEXT,
  merged_by INTEGER, merge_sha TEXT, mergeable INTEGER, mergeable_key TEXT,
  reviewers_json TEXT NOT NULL, UNIQUE (repository_id, number));
CREATE TABLE reviews (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pull_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
  state TEXT NOT NULL, body TEXT NOT NULL, commit_id TEXT NOT NULL, submitted_at TEXT NOT NULL);
CREATE TABLE suites (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, app_id INTEGER NOT NULL,
  head_sha TEXT NOT NULL, head_branch TEXT, head_commit_json TEXT NOT NULL,
  status TEXT NOT NULL, conclusion TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX suites_by_sha ON suites (repository_id, head_sha);
CREATE TABLE check_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, suite_id INTEGER NOT NULL,
  app_id INTEGER NOT NULL, name TEXT NOT NULL, head_sha TEXT NOT NULL, external_id TEXT NOT NULL,
  details_url TEXT, status TEXT NOT NULL, conclusion TEXT, started_at TEXT, completed_at TEXT,
  output_json TEXT NOT NULL, actions_json TEXT NOT NULL, annotations_json TEXT NOT NULL);
CREATE INDEX check_runs_by_sha ON check_runs (repository_id, head_sha);
CREATE TABLE statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, sha TEXT NOT NULL,
  state TEXT NOT NULL, context TEXT NOT NULL, description TEXT, target_url TEXT,
  creator_id INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE deployments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, sha TEXT NOT NULL,
  ref TEXT NOT NULL, task TEXT NOT NULL, payload_json TEXT NOT NULL, environment TEXT NOT NULL,
  description TEXT, creator_id INTEGER NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE TABLE deployment_statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT, deployment_id INTEGER NOT NULL, state TEXT NOT NULL,
  description TEXT NOT NULL, environment TEXT NOT NULL, log_url TEXT NOT NULL,
  environment_url TEXT NOT NULL, creator_id INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE workflows (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, path TEXT NOT NULL,
  name TEXT NOT NULL, runs INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL,
  UNIQUE (repository_id, path));
CREATE TABLE workflow_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL,
  workflow_id INTEGER NOT NULL, run_number INTEGER NOT NULL, run_attempt INTEGER NOT NULL,
  event TEXT NOT NULL, event_json TEXT NOT NULL, head_branch TEXT, head_sha TEXT NOT NULL,
  ref TEXT NOT NULL, pull_number INTEGER, status TEXT NOT NULL, conclusion TEXT,
  actor_id INTEGER NOT NULL, triggering_id INTEGER NOT NULL, suite_id INTEGER NOT NULL,
  title TEXT NOT NULL,
  plan_json TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, started_at TEXT NOT NULL);
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, attempt INTEGER NOT NULL,
  key TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT,
  check_run_id INTEGER NOT NULL, created_at TEXT NOT NULL, started_at TEXT, completed_at TEXT);
CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, attempt INTEGER NOT NULL,
  name TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE hooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER, app_id INTEGER, url TEXT NOT NULL,
  secret TEXT, events_json TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hook_id INTEGER NOT NULL, guid TEXT NOT NULL,
  event TEXT NOT NULL, action TEXT, installation_id INTEGER, repository_id INTEGER,
  payload TEXT NOT NULL, redelivery INTEGER NOT NULL DEFAULT 0, pending INTEGER NOT NULL DEFAULT 1,
  queued_at TEXT NOT NULL, delivered_at TEXT, duration REAL, status TEXT, status_code INTEGER,
  request_headers_json TEXT, response_headers_json TEXT, response TEXT);
CREATE INDEX deliveries_pending ON deliveries (hook_id, pending, id);
CREATE TABLE calls (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, actor TEXT NOT NULL,
  method TEXT NOT NULL, template TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL);
CREATE TABLE pushes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, actor TEXT NOT NULL,
  repository TEXT NOT NULL, ref TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL);
"""
