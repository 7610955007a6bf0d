"""Playbooks: what is done about trouble in production, step by step, and what each step may do."""
