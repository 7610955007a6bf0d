#!/usr/bin/env bash
# Finds the `grace` command, or installs it from the checkout that holds these actions into an
# environment of its own, so that the job's Python stays as it is. Output: path.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if command -v grace >/dev/null; then
  path=$(command -v grace)
elif [ -f "$root/pyproject.toml" ]; then
  place="$RUNNER_TEMP/grace-environment"
  python3 -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$root[ci]"
  path="$place/bin/grace"
else
  echo "::error::the command grace is neither on PATH nor can it be installed from $root"
  exit 1
fi
echo "path=$path" >> "$GITHUB_OUTPUT"
