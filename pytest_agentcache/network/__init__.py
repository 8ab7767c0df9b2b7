"""The closed network: what stays open, and the patches of sockets and of process starts.

It needs nothing but the standard library, of Python 3.8 or newer: child processes load it by its
path, in the Python that they run on.
"""
