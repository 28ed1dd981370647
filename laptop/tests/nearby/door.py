"""Leads whoever calls a port of this computer to a socket in the file system: door.py PORT SOCKET"""
# Two namespaces without a network in common still have their files in common.
import socket
import sys
import threading

port, path = sys.argv[1:]


def carry(from_here, to_there):
    try:
        while data := from_here.recv(65536):
            to_there.sendall(data)
        to_there.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two has gone


with socket.create_server(("127.0.0.1", int(port))) as door:
    print("open", flush=True)
    while True:
        caller, _ = door.accept()
        inside = socket.socket(socket.AF_UNIX)
        try:
            inside.connect(path)
        except OSError:
            caller.close()
            continue
        for ends in [(caller, inside), (inside, caller)]:
            threading.Thread(target=carry, args=ends, daemon=True).start()
