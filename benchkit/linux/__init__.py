"""The only place that makes system calls and starts programs."""
