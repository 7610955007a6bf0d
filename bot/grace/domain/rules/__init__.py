"""The policy language and its evaluator: rules that a reviewer reads, judged by pure functions."""
