"""trigger-mesh: a small event bus over HTTP."""
