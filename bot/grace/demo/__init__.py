"""What `grace demo` shows Grace at work on: a small service, its patches, deployer and traffic."""
