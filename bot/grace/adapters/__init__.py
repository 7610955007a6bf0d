"""The world behind the ports: forge, git, store, keys, metric sources."""
