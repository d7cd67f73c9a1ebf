"""Tests of a platform: on one of its own, against an account, and of all that is checked without one."""
