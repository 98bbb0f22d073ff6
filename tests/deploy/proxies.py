#!/usr/bin/env python3
"""The proxy snippets in deploy/proxy, run for real: nginx and Caddy before `paperboy run`.

    tests/deploy/proxies.py target/debug/paperboy

For each proxy: what a visitor claims to be is replaced by what they are, a one-click unsubscription ends a
subscription without a redirect, 60 MB are refused, and what is for the operator is not passed on.
Needs nginx, caddy and openssl. Everything is on loopback, on free ports.
"""

import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

SNIPPETS = pathlib.Path(__file__).resolve().parents[2] / "deploy/proxy"
NAME = "digest.example.org"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Echo(http.server.BaseHTTPRequestHandler):
    """Stands behind a proxy and notes what it is passed."""

    seen = []

    def do_GET(self):
        Echo.seen.append((self.path, dict(self.headers.items())))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def ask(port, method, path, body=None, headers=None):
    """Status and headers of the answer of the proxy at `port`, by TLS; 413 also if it hung up on a large body."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(NAME, port, context=context, timeout=20)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname=NAME)
    try:
        connection.request(method, path, body, {"Host": NAME, **(headers or {})})
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        pass  # It has heard enough, and may have said so.
    try:
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError, http.client.HTTPException):
        return None, {}


def until(what, check):
    for _ in range(200):
        if check():
            return
        time.sleep(0.1)
    sys.exit(f"{what}: not within 20 seconds")


def reached(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def nginx(folder, port, upstream):
    text = (SNIPPETS / "nginx.conf").read_text()
    text = re.sub(r"^\s*listen \[::\].*\n", "", text, flags=re.M)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    text = text.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;")
    text = text.replace("/etc/letsencrypt/live/digest.example.org/", f"{folder}/")
    assert text.count("http://127.0.0.1:8080") == 1
    text = text.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{upstream}")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}}}\n"
    )
    command = ["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]
    subprocess.run([*command, "-t", "-q"], check=True)
    return [*command, "-g", "daemon off;"], {}


def caddy(folder, port, upstream):
    text = (SNIPPETS / "Caddyfile").read_text()
    assert text.count(f"{NAME} {{") == 1
    text = text.replace(f"{NAME} {{", f"{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/fullchain.pem {folder}/privkey.pem")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]
    return command, {"PAPERBOY": f"127.0.0.1:{upstream}", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}


def started(make, folder, upstream):
    port = free_port()
    command, env = make(folder, port, upstream)
    log = open(folder / "proxy.log", "ab")
    process = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=log)
    until(command[0], lambda: reached(port))
    return process, port


def headers_and_doors(make, folder):
    """What arrives behind the proxy, and what does not."""
    Echo.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    process, port = started(make, folder, server.server_port)
    try:
        status, _ = ask(port, "GET", "/search?q=a%2Fb%20c", headers={"X-Forwarded-For": "203.0.113.9"})
        assert status == 200, status
        path, headers = Echo.seen.pop()
        assert path == "/search?q=a%2Fb%20c", path
        assert headers["X-Forwarded-For"] == "127.0.0.1", headers
        assert headers["Host"] == NAME, headers
        for inside in ["/admin", "/admin/", "/admin/outbox", "/metrics", "/healthz", "/readyz"]:
            status, _ = ask(port, "GET", inside)
            assert status == 404 and not Echo.seen, (inside, status, Echo.seen)
    finally:
        process.terminate()
        process.wait()
        server.shutdown()


def one_click(make, folder, binary):
    """A mail's own link, POSTed through the proxy, and a body that is too large."""
    home = folder / "home"
    listen = free_port()

    def paperboy(*words):
        command = [binary, "-c", home / "paperboy.toml", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    subprocess.run([binary, "init", home], check=True, stdout=subprocess.DEVNULL)
    (home / "paperboy.toml").write_text(
        f'[site]\nbase_url = "https://{NAME}"\nfrom = "Digest <digest@example.org>"\ncontact = "operator@example.org"\n'
        f'secret_file = "secret"\n[web]\nlisten = "127.0.0.1:{listen}"\n'
    )
    (home / "papers.jsonl").write_text(
        json.dumps({"id": "2608.00001", "title": "Rings", "abstract": "We study rings.", "announced": "2026-08-04"})
    )
    paperboy("papers", "import", home / "papers.jsonl")
    paperboy("subscribers", "add", "ada@example.org")
    paperboy("publish", "--now", "2026-08-05T12:00:00Z")
    paperboy("deliver", "--until-empty")
    [mail] = (home / "mail/new").iterdir()
    unfolded = re.sub(r"\r?\n[ \t]+", " ", mail.read_text())
    link = re.search(r"^List-Unsubscribe:.*<https://digest\.example\.org(/[^>]+)>", unfolded, re.M).group(1)

    service = subprocess.Popen([binary, "-c", home / "paperboy.toml", "run", "--role", "web"], stderr=subprocess.DEVNULL)
    process = None
    try:
        until("paperboy", lambda: reached(listen))
        process, port = started(make, folder, listen)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _ = ask(port, "POST", "/subscribe", b"x" * (60 << 20), form)
        # Caddy before 2.7 says 400, or 502 if paperboy refused first; who hangs up on us has said no as well.
        assert status in (400, 413, 502, None), f"60 MB: {status}"
        status, _ = ask(port, "GET", "/")
        assert status == 200, status
        status, headers = ask(port, "POST", link, b"List-Unsubscribe=One-Click", form)
        assert status == 200 and "Location" not in headers, (status, headers)
        found = json.loads(paperboy("subscribers", "show", "ada@example.org", "--json"))
        assert found["status"] == "unsubscribed", found
    finally:
        for started_here in [process, service]:
            if started_here:
                started_here.terminate()
                started_here.wait()


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    for make in [nginx, caddy]:
        if not shutil.which(make.__name__):
            sys.exit(f"{make.__name__} is not installed")
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            # nginx' workers are somebody else.
            folder.chmod(0o755)
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}",
                 "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"],
                check=True, stderr=subprocess.DEVNULL,
            )
            headers_and_doors(make, folder)
            one_click(make, folder, binary)
        print(f"{make.__name__}: addresses, doors, one-click and large bodies are as they should be")


main()
