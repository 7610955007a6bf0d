#!/usr/bin/env bash
# Fetches REF of REPOSITORY into FOLDER below the workspace and detaches HEAD at it.
# FORGE_GIT_URL is either the base of all repositories' URLs or this repository's own.
set -euo pipefail

target=$(realpath -m -- "$GITHUB_WORKSPACE/$FOLDER")
case "$target/" in
  "$(realpath -m -- "$GITHUB_WORKSPACE")"/*) ;;
  *) echo "::error::path $FOLDER lies outside the workspace"; exit 1 ;;
esac

base=${FORGE_GIT_URL:-$GITHUB_SERVER_URL}
url="${base%/}"
url="${url%/"$GITHUB_REPOSITORY.git"}/$REPOSITORY.git"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
depth=()
if [ "$DEPTH" != 0 ]; then depth=(--depth "$DEPTH"); fi

git init -q -b main -- "$target"
cd -- "$target"
git config core.hooksPath /dev/null
git config advice.detachedHead false
git remote remove origin 2>/dev/null || true
git remote add origin "$url"

fetch() {
  # The token is given to this one process: neither its command line nor the repository has it.
  if [ -n "$TOKEN" ]; then
    basic=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader \
      GIT_CONFIG_VALUE_0="Authorization: Basic $basic" git fetch -q --no-tags "${depth[@]}" "$@"
  else
    git fetch -q --no-tags "${depth[@]}" "$@"
  fi
}

if [ "$DEPTH" = 0 ]; then
  fetch origin '+refs/heads/*:refs/remotes/origin/*'
fi
fetch origin -- "$REF"
git checkout -q --force --detach FETCH_HEAD
commit=$(git rev-parse HEAD)
echo "commit=$commit" >> "$GITHUB_OUTPUT"
echo "Checked out $REPOSITORY at $commit"
