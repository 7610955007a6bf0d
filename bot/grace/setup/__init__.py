"""Setting Grace up: files for a repository, the GitHub App, and what is wrong with either."""
