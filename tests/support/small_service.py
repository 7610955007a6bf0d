"""A service of one answer and the users that ask it, as files of a repository under test."""

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    wbufsize = -1
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
LOAD = """
from locust import HttpUser, constant, task

class User(HttpUser):
    wait_time = constant(0.02)
    @task
    def ask(self):
        self.client.get("/")
"""
