"""Live probes of every subsystem, and the board that keeps what they find."""
