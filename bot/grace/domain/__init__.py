"""The pure core: values in, values out. No clock, network, file, environment or random number."""
