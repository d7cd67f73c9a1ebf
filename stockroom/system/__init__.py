"""The machine: files, locks, processes, installations, git."""
