"""Memory: what ended missions leave, how those like a new one are found, what is said of them."""
