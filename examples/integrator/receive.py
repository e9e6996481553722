"""Receives a webhook, verifies it and prints each event once: `python receive.py PORT SECRET...`."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bmt.integrator import Unverified, verify_webhook

PORT, *SECRETS = sys.argv[1:]
seen: set[str] = set()  # yours is a table, written together with what the event changes


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 once it has the event, and 401 to what nobody of ours signed."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = verify_webhook(dict(self.headers), body, SECRETS)
        except Unverified as error:
            return self.send_error(401, str(error))
        if event.id not in seen:
            seen.add(event.id)
            print(event.time, event.type, event.subject, flush=True)
        self.send_response(204)
        return self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(PORT)), Receiver).serve_forever()
