"""What runs inside a CI job: collect results, put load on a service, report to the bot."""
