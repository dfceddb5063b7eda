"""Services started on this machine for a demo or a test, and stopped with it.

Knows: processes, free ports and how to wait. Must not: know what is asked of them.
Interface: `local_server`, `local_issuer`, `local_catalogue`.
Add here: one file a service.
Tested in: tests/cli, tests/server.
"""
