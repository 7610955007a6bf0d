"""Tokens, sessions, and the key that seals cookies: files of their own in the data folder."""
