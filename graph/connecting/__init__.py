"""Connections to both servers, and the embedded one as a child process."""
