"""`invoke clean`: what lies in the user's cache and in the project's folder, and nothing needs any more."""
