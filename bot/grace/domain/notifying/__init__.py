"""What is told outside of the process: to whom, when, in which words. Pure."""
