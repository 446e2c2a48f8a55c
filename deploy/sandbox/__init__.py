"""Private servers for the tour and the integration tests: nothing of the machine's own is read or changed."""
