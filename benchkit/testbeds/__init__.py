"""Where probes run: each site as a `concurrent.futures.Executor`."""
