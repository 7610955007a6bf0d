"""The GraphQL API: a part of GitHub's schema, in its names and nullability."""
