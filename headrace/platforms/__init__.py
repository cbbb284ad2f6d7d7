"""What we know of each vendor: build a request, decipher a reply, stay inside the quota; `http` alone owns a socket.

When something is read or written, and what follows from it, does not live here.
"""
