"""Writes every packet that comes by on a network to a file, each after its length: sniffer.py INTERFACE FILE"""
# tcpdump would do, but wants to become another user, which a namespace of a user's own does not have.
import socket
import struct
import sys

interface, path = sys.argv[1:]
every_protocol = 3
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(every_protocol)) as ear:
    ear.bind((interface, 0))
    with open(path, "wb", buffering=0) as file:
        print("listening", flush=True)
        while True:
            packet = ear.recv(65536)
            file.write(struct.pack(">I", len(packet)) + packet)
