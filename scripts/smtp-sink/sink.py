#!/usr/bin/env python3
"""A mail server that delivers to a folder: what notification by e-mail is tried against.

    python3 -m venv /tmp/sink && /tmp/sink/bin/pip install -r requirements.txt
    /tmp/sink/bin/python sink.py --listen 127.0.0.1:1025 --dir /tmp/mail

Each message becomes NNNN.eml, as it came, and NNNN.json: sender, recipients, user name, whether TLS was on. With --user and
--password a client has to log in; with --tls-cert and --tls-key STARTTLS is offered, and required where --require-tls
says so. Port 0 takes a free one; the first line of output says which: "listening on 127.0.0.1:1025".
"""

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# No longer message is taken, in bytes.
MAX_MESSAGE = 10 << 20


class Folder:
    """Writes messages as files; a file is complete when it appears under its name."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.count = len(list(self.path.glob("*.eml")))

    def write(self, suffix, content):
        part = self.path / f".{self.count:04}{suffix}"
        part.write_bytes(content)
        part.rename(self.path / f"{self.count:04}{suffix}")

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "tls": session.ssl is not None,
            "helo": session.host_name,
        }
        self.write(".json", json.dumps(about, indent=1).encode())
        self.write(".eml", envelope.original_content)
        print(f"{self.count:04}: from {envelope.mail_from} to {', '.join(envelope.rcpt_tos)}", flush=True)
        return "250 Message accepted for delivery"


def authenticator(user, password):
    def check(_server, _session, _envelope, _mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
        # handled=False makes the server answer 535 to bad credentials.
        return AuthResult(success=good, handled=False, auth_data=data if good else None)

    return check


def session_options(args):
    options = {"hostname": "smtp-sink", "data_size_limit": MAX_MESSAGE}
    if args.user:
        options |= {
            "authenticator": authenticator(args.user, args.password),
            "auth_required": True,
            # Plain-text logins without TLS are what a test on one machine does.
            "auth_require_tls": args.require_tls,
        }
    if args.tls_cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(args.tls_cert, args.tls_key)
        options |= {"tls_context": context, "require_starttls": args.require_tls}
    return options


async def serve(args):
    folder = Folder(args.dir)
    options = session_options(args)
    host, _, port = args.listen.rpartition(":")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(folder, loop=loop, **options), host, int(port))
    address = server.sockets[0].getsockname()
    print(f"listening on {address[0]}:{address[1]}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:1025", metavar="HOST:PORT")
    parser.add_argument("--dir", default="mail", help="where messages go")
    parser.add_argument("--user", help="who may log in; without it anybody may send")
    parser.add_argument("--password", default=os.environ.get("SMTP_SINK_PASSWORD", ""))
    parser.add_argument("--tls-cert", metavar="PEM", help="offer STARTTLS with this certificate")
    parser.add_argument("--tls-key", metavar="PEM")
    parser.add_argument("--require-tls", action="store_true", help="refuse clients that do not use STARTTLS")
    args = parser.parse_args()
    if args.require_tls and not args.tls_cert:
        parser.error("--require-tls needs --tls-cert and --tls-key")
    asyncio.run(serve(args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
