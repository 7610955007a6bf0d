"""As much of a Kubernetes API server as `kubectl` asks for about one deployment, on loopback.

Its controllers are instant: each change of the template is a new revision, and all replicas are
ready at once, unless `stuck`.
"""

import contextlib
import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UID = "6f1c2b1e-0000-4000-8000-000000000001"
REVISION = "deployment.kubernetes.io/revision"
LABELS = {"app": "web"}
GROUPS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": "apps",
                "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
            }
        ],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "namespaces", "singularName": "", "namespaced": False, "kind": "Namespace"}
            | {"verbs": ["get", "list"], "shortNames": ["ns"]},
        ],
    },
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "groupVersion": "apps/v1",
        "resources": [
            {"name": name, "singularName": "", "namespaced": True, "kind": kind}
            | {"verbs": ["get", "list", "patch", "update"]}
            | ({"group": "autoscaling", "version": "v1"} if kind == "Scale" else {})
            for name, kind in (
                ("deployments", "Deployment"),
                ("deployments/scale", "Scale"),
                ("replicasets", "ReplicaSet"),
            )
        ],
    },
}


def template(image):
    return {
        "metadata": {"labels": dict(LABELS)},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }


class Cluster:
    def __init__(self, replicas=2):
        self.stuck = False
        self.changes = []
        self.sets = []
        self.generation, self.resource = 0, 100
        self.url = ""
        self.spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}}
        self.annotations = {}
        for image in ("shop:1", "shop:2"):
            self.change({"template": template(image)})
        self.changes.clear()

    @property
    def image(self):
        return self.spec["template"]["spec"]["containers"][0]["image"]

    def change(self, spec):
        """Take a new wish, and fulfil it."""
        before = copy.deepcopy(self.spec)
        merge(self.spec, spec)
        if self.spec == before:
            return
        self.generation += 1
        self.resource += 1
        self.changes.append(spec)
        wanted = self.spec["template"]
        known = [each for each in self.sets if bare(each["spec"]["template"]) == wanted]
        number = len(self.sets) + 1
        made = known[0] if known else self._set(wanted, number)
        if not known:
            self.sets.append(made)
        newest = max(int(s["metadata"]["annotations"].get(REVISION, 0)) for s in self.sets)
        if made["metadata"]["annotations"].get(REVISION) != str(newest) or newest == 0:
            made["metadata"]["annotations"][REVISION] = str(newest + 1)
        self.annotations[REVISION] = made["metadata"]["annotations"][REVISION]

    def _set(self, wanted, number):
        named = copy.deepcopy(wanted)
        named["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d-1"}
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"web-h{number}",
                "namespace": "web",
                "uid": f"r-{number}",
                "labels": named["metadata"]["labels"],
                "annotations": {},
                "creationTimestamp": f"2026-01-01T00:00:{number:02d}Z",
                "ownerReferences": [{**owner, "controller": True}],
            },
            "spec": {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": named},
        }

    def deployment(self):
        count = self.spec["replicas"]
        ready = count - 1 if self.stuck else count
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "web",
                "namespace": "web",
                "uid": "d-1",
                "generation": self.generation,
                "resourceVersion": str(self.resource),
                "annotations": dict(self.annotations),
            },
            "spec": self.spec,
            "status": {
                "observedGeneration": self.generation,
                "replicas": count,
                "updatedReplicas": count,
                "readyReplicas": ready,
            },
        }

    def scale(self):
        return {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web", "namespace": "web", "resourceVersion": str(self.resource)},
            "spec": {"replicas": self.spec["replicas"]},
            "status": {"replicas": self.spec["replicas"]},
        }

    def answer(self, method, path, kind, body):
        """Answer status and body of one request."""
        if path in GROUPS:
            return 200, GROUPS[path]
        if path == "/api/v1/namespaces/web":
            return 200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"uid": UID} | NAME}
        deployment = "/apis/apps/v1/namespaces/web/deployments/web"
        if path == "/apis/apps/v1/namespaces/web/replicasets":
            return 200, {"kind": "ReplicaSetList", "apiVersion": "apps/v1", "items": self.sets}
        if path == f"{deployment}/scale":
            if method != "GET":
                self.change({"replicas": body["spec"]["replicas"]})
            return 200, self.scale()
        if path == deployment:
            if method == "PATCH" and "json-patch" in kind:
                replaced = [each for each in body if each["path"] == "/spec/template"]
                self.spec["template"], before = {}, self.spec["template"]
                wanted = bare(replaced[0]["value"])
                self.spec["template"] = before
                self.replace(wanted)
            elif method == "PATCH":
                self.change(body["spec"])
            return 200, self.deployment()
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}
        return 404, {**status, "reason": "NotFound", "message": f"{path} not found"}

    def replace(self, wanted):
        """Put a whole template in the place of the present one."""
        self.spec = {**self.spec, "template": {}}
        self.change({"template": wanted})


NAME = {"name": "web"}


def bare(found):
    """Leave out what a controller adds to a template."""
    found = copy.deepcopy(found)
    found["metadata"]["labels"].pop("pod-template-hash", None)
    found["metadata"].pop("creationTimestamp", None)
    return found


def merge(target, patch):
    for name, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        else:
            target[name] = value


@contextlib.contextmanager
def served_cluster(**more):
    cluster = Cluster(**more)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            del args

        def reply(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            kind = self.headers.get("Content-Type", "")
            status, answer = cluster.answer(self.command, self.path.partition("?")[0], kind, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.reply()

        def do_PUT(self):
            self.reply()

        def do_PATCH(self):
            self.reply()

        def do_POST(self):
            self.reply()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        cluster.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()
