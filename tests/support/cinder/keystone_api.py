"""Keystone's API on a port of the loopback: ``python keystone_api.py PORT``, as OS_KEYSTONE_CONFIG_FILES says."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from keystone.server.wsgi import initialize_public_application


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, none of which keeps the process."""

    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    """Tests read no log of requests."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


PORT = int(sys.argv.pop())  # Keystone reads the command line too
make_server("127.0.0.1", PORT, initialize_public_application(), Server, Quiet).serve_forever()
