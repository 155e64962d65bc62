"""An S3 server on loopback: moto's, as a process of its own that is killed at the end. It keeps objects in memory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def s3_server() -> Iterator[int]:
    """The port of a server that has no bucket yet, and takes any key."""
    command = [sys.executable, __file__]
    # Broken connections, which tests make, would fill the terminal with tracebacks of the server.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline()
        if not port:
            raise RuntimeError(f"the S3 server did not start; {' '.join(command)} says why")
        try:
            yield int(port)
        finally:
            server.kill()


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            pass

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
