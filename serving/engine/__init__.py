"""What runs the sessions: this process, or a pool of processes forked from a warm one."""
