"""Random programs for the tests, and what a program's gradient is compared with."""
