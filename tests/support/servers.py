"""Servers of one stream on this machine, as cameras and web servers are."""

import contextlib
import http.server
import socket
import struct
import threading
import time

import av

RTP_PACKET = 7 * 188  # bytes of a transport stream
MPEG_TS = 33  # the number of this payload in RTP
SDP = (
    *("v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 0.0.0.0", "t=0 0"),
    *(f"m=video 0 RTP/AVP {MPEG_TS}", "a=control:track1"),
)


@contextlib.contextmanager
def http_server(bodies):
    """Serve one of some bodies after the other, the last one again and again.

    A body is a pair: the bytes that are sent, and the length that is announced, None
    for none. Yields the address of a file, and the list of the ranges asked for.
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            body, length = bodies[min(len(asked), len(bodies) - 1)]
            asked.append(self.headers.get("Range"))
            self.send_response(404 if body is None else 200)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body or b"")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/clip", asked
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def range_server(body):
    """Serve parts of a body by HTTP/1.1, as large web servers do; yields the address.

    A connection is closed without a word where the client asks for that.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            start = int(self.headers["Range"].removeprefix("bytes=").partition("-")[0])
            self.send_response(206)
            self.send_header("Accept-Ranges", "bytes")
            end = f"{len(body) - 1}/{len(body)}"
            self.send_header("Content-Range", f"bytes {start}-{end}")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body[start:])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/clip"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def tcp_server(bodies):
    """Send every connection one of some bodies, and refuse more. Yields the address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with server:
            for body in bodies:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(body)

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def rtsp_server(bodies):
    """Play transport streams by RTSP over TCP, one a connection; then refuse.

    Yields address and list of the methods asked for.
    """
    server = socket.create_server(("127.0.0.1", 0))
    methods = []

    def serve():
        with server:
            for body in bodies:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    _talk(connection, body, methods)

    threading.Thread(target=serve, daemon=True).start()
    yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/live", methods


def _talk(connection, body, methods):
    lines = connection.makefile("r", encoding="ascii", newline="\r\n")
    while first := lines.readline():
        method, address, _ = first.split()
        methods.append(method)
        headers = dict(
            iter(lambda: lines.readline().rstrip().partition(": ")[::2], ("", ""))
        )
        answer, sdp = [f"CSeq: {headers['CSeq']}", "Session: 1"], ""
        if method == "DESCRIBE":
            sdp = "\r\n".join([*SDP, ""])
            answer += ["Content-Type: application/sdp", f"Content-Base: {address}/"]
        elif method == "SETUP":
            answer += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        answer += [f"Content-Length: {len(sdp)}"]
        text = "\r\n".join(["RTSP/1.0 200 OK", *answer, "", sdp])
        connection.sendall(text.encode())
        if method == "PLAY":
            for packet in _rtp_packets(body):
                connection.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
        if method in ("PLAY", "TEARDOWN"):
            connection.shutdown(socket.SHUT_RDWR)
            return


def _rtp_packets(body):
    for number, start in enumerate(range(0, len(body), RTP_PACKET)):
        head = struct.pack(">BBHII", 0x80, MPEG_TS, number, 3600 * number, 7)
        yield head + body[start : start + RTP_PACKET]


@contextlib.contextmanager
def datagrams(scheme, path, pause=0.02):
    """Send the packets of a video file by UDP or RTP. Yields the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{probe.getsockname()[1]}"
    format = "mpegts" if scheme == "udp" else "rtp_mpegts"
    stop = threading.Event()

    def send():
        with av.open(str(path)) as clip, av.open(address, "w", format=format) as out:
            stream = clip.streams.video[0]
            sent = out.add_stream_from_template(stream)
            for packet in clip.demux(stream):
                if packet.dts is not None and not stop.is_set():
                    time.sleep(pause)
                    packet.stream = sent
                    out.mux(packet)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        stop.set()
        thread.join()
