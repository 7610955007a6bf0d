"""What steps really do, each action to real things."""
