"""Who is let in: tokens, sessions, signing in, and what keeps other sites and floods out."""
