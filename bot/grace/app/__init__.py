"""What runs: settings, construction, worker and interpreter."""
