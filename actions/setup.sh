#!/usr/bin/env bash
# Finds the command grace, or installs a released version of it into an environment of its own, so
# that the job's Python stays as it is. Never takes code of the checkout: a pull request could
# bring its own judge. Reads VERSION (empty: any on PATH) and PUBLISH; output: path.
set -euo pipefail

release=0.1.0
wanted=${VERSION:-}

fail() {
  echo "::error title=Grace is not installed::$1"
  exit 1
}

found=$(command -v grace || true)
if [ -n "$found" ]; then
  workspace=$(realpath -m -- "${GITHUB_WORKSPACE:-/nonexistent}")
  case "$(realpath -- "$found")" in
    "$workspace"/*) echo "ignoring $found: it lies in the checkout" && found= ;;
    *) [ -z "$wanted" ] || [ "$("$found" --version)" = "grace $wanted" ] || found= ;;
  esac
fi

if [ -z "$found" ]; then
  version=${wanted:-$release}
  [[ $version =~ ^[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?$ ]] ||
    fail "'$version' is no released version: give one such as $release, or none"
  place=$RUNNER_TEMP/grace-$version
  found=$place/bin/grace
  if [ ! -x "$found" ]; then
    cd -- "$RUNNER_TEMP"
    echo "installing grace $version"
    { python3 -I -m venv "$place" && "$place/bin/python" -I -m pip install --quiet \
      --disable-pip-version-check "grace-mission-control[ci]==$version"; } ||
      fail "version $version could not be installed: see above, or put grace on the PATH before"
  fi
fi

if [ "${PUBLISH:-false}" = true ]; then
  mkdir -p "$RUNNER_TEMP/grace-command"
  ln -sfn -- "$found" "$RUNNER_TEMP/grace-command/grace"
  echo "$RUNNER_TEMP/grace-command" >> "$GITHUB_PATH"
fi
echo "path=$found" >> "$GITHUB_OUTPUT"
