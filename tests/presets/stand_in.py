"""The generators' own servers, all in one: what lies under /<generator>/ answers as the fixture at hand says."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn:
    def __init__(self, port: int):
        self.lock = threading.Lock()
        self.known = {}
        self.base = f"http://127.0.0.1:{port}"
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler(self))

    def start(self) -> "StandIn":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def answers(self, generator: str, asked: list) -> None:
        with self.lock:
            book = self.known.get(generator, {"asked": [], "earlier": []})
            # a task of before may be asked for again
            earlier = book["asked"] + book["earlier"]
            self.known[generator] = {"asked": asked, "earlier": earlier, "found": set(), "strange": []}

    def done(self, generator: str) -> list:
        """What was not asked for, and what nobody expected."""
        with self.lock:
            book = self.known[generator]
            unasked = [one["path"] for at, one in enumerate(book["asked"]) if at not in book["found"]]
            return [f"the hub did not ask for {path}" for path in unasked] + book["strange"]

    def answer(self, method: str, target: str, headers) -> tuple:
        generator, _, rest = target.lstrip("/").partition("/")
        rest = "/" + rest
        with self.lock:
            book = self.known.get(generator)
            if book is None:
                return 404, "{}"
            for at, one in enumerate(book["asked"] + book["earlier"]):
                if not fits(one, method, rest):
                    continue
                for name, value in one.get("headers", {}).items():
                    if headers.get(name) != value:
                        book["strange"].append(f"the hub asked for {rest} with {name}: {headers.get(name)}, expected {value}")
                        return 401, "{}"
                book["found"].add(at)
                body = one.get("body", "{}").strip("\r\n").replace("@BASE@", f"{self.base}/{generator}")
                return one.get("status", 200), body
            book["strange"].append(f"the hub asked {method} {rest}, which the fixture does not know")
            return 404, "{}"


def fits(one: dict, method: str, target: str) -> bool:
    path = target if "?" in one["path"] else target.partition("?")[0]
    return one.get("method", "GET") == method and one["path"] == path


def handler(stand_in: StandIn):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = stand_in.answer(self.command, self.path, self.headers)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_) -> None:
            pass

    return Handler
