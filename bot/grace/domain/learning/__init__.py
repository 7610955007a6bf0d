"""Which remedy to try first: what worked for such trouble before, weighed and explained."""
