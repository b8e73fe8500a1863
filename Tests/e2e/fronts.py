"""nginx and HAProxy in front of the gateway, each telling of every request that it has seen and passed on."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from harness import processes

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else None)
HAPROXY = shutil.which("haproxy") or ("/usr/sbin/haproxy" if os.path.exists("/usr/sbin/haproxy") else None)

# As forgiving as it can be told to be: what it lets pass is for the gateway to judge.
NGINX_CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
  log_format seen '$request_id|$upstream_addr|$status|$upstream_http_x_echo_id';
  access_log {folder}/seen.log seen;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream gateway {{ server {gateway}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    ignore_invalid_headers {ignore}; underscores_in_headers on; merge_slashes off; large_client_header_buffers 8 32k;
    client_body_timeout 1s; client_header_timeout 1s;
    location = /front-is-up {{ access_log off; return 204; }}
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1; proxy_request_buffering {buffering}; proxy_buffering off;
      proxy_next_upstream off;
      proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Front-Id $request_id; proxy_set_header X-Front-Target $request_uri;
    }}
  }}
}}
"""

HAPROXY_CONFIG = """
global
  log stdout format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 2s
  timeout server 10s
  timeout http-request 1s
  retries 0
frontend front
  bind 127.0.0.1:{port}
  {lax}
  unique-id-format %{{+X}}o%ci:%cp_%Ts_%rt
  http-request return status 204 if {{ path /front-is-up }}
  http-request set-header X-Request-Id %[unique-id]
  http-request set-header X-Front-Id %[unique-id]
  http-request set-header X-Front-Target %[capture.req.uri]
  http-response set-var(txn.echo) res.hdr(x-echo-id)
  log-format "seen:%ID|%s|%ST|%[var(txn.echo)]"
  default_backend gateway
backend gateway
  http-reuse always
  server gateway {gateway}
"""


@dataclasses.dataclass
class Seen:
    """One request as the front end saw it."""

    ident: str
    is_passed: bool
    status: str
    echo: str


class Front:
    """A front end that is running."""

    def __init__(self, kind: str, folder: pathlib.Path, gateway: str):
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._is_nginx = kind.startswith("nginx")
        values = {"folder": folder, "port": port, "gateway": gateway.removeprefix("http://")}
        config = folder / "front.conf"
        if self._is_nginx:
            strict = kind == "nginx"
            values |= {"ignore": "on" if strict else "off", "buffering": "on" if strict else "off"}
            config.write_text(NGINX_CONFIG.format(**values))
            command = [NGINX, "-p", str(folder), "-e", str(folder / "nginx-error.log"), "-c", str(config)]
        else:
            lax = "option accept-invalid-http-request" if kind == "haproxy-lax" else ""
            config.write_text(HAPROXY_CONFIG.format(**values, lax=lax))
            command = [HAPROXY, "-db", "-f", str(config)]
        self._output = (folder / "output.log").open("wb")
        self._process = subprocess.Popen(
            command, stdout=self._output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/front-is-up", timeout=1).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        self.close()
        raise AssertionError((self._folder / "output.log").read_text())

    def seen(self) -> list[Seen]:
        """Every request that the front end made out, whatever became of it."""
        path = self._folder / ("seen.log" if self._is_nginx else "output.log")
        requests = []
        for line in path.read_text(errors="replace").splitlines():
            if not self._is_nginx and not line.startswith("seen:"):
                continue
            ident, passed, status, echo = line.removeprefix("seen:").split("|")
            is_passed = passed != "-" if self._is_nginx else passed == "gateway"
            requests.append(Seen(ident, is_passed, status, echo))
        return requests

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._output.close()
