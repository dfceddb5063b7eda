"""What an operator does with a task: write, price, sign, publish.

Knows: task files, keys in files and the operator's road. Must not: hold any rule of the server.
Interface: `commands.app`.
Add here: one function a command in commands.py.
Tested in: tests/cli.
"""
