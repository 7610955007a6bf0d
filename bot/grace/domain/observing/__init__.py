"""The observation judge: samples before a release against samples after it. Pure."""
