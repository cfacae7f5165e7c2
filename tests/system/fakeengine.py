# SPDX-License-Identifier: Apache-2.0
"""A small fake of Docker's Engine API on a unix socket, for tests only: it serves what a box's sbx has, so that
the docker command line can format the same data as sbx does. It reads everything once, when it starts."""

import contextlib
import datetime
import http.server
import json
import re
import socketserver
import threading
import urllib.parse

VERSION = "1.43"


def seconds(stamp):
    """The unix time of an RFC 3339 time in UTC."""
    whole = datetime.datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")
    return int(whole.replace(tzinfo=datetime.timezone.utc).timestamp())


def ports_of(inspect):
    for spec, bound in sorted((inspect["NetworkSettings"]["Ports"] or {}).items()):
        number, kind = spec.split("/")
        for one in bound or [{}]:
            yield {"PrivatePort": int(number), "Type": kind,
                   **({"PublicPort": int(one["HostPort"]), "IP": one["HostIp"] or "0.0.0.0"} if one else {})}


def summary(inspect, status):
    """An entry of GET /containers/json."""
    return {
        "Id": inspect["Id"], "Names": [inspect["Name"]], "Image": inspect["Config"]["Image"],
        "ImageID": inspect["Image"], "Command": " ".join([inspect["Path"], *inspect["Args"]]),
        "Created": seconds(inspect["Created"]), "Ports": list(ports_of(inspect)),
        "Labels": inspect["Config"]["Labels"] or {}, "State": inspect["State"]["Status"], "Status": status,
        "SizeRw": inspect.get("SizeRw", 0), "SizeRootFs": inspect.get("SizeRootFs", 0),
        "HostConfig": {"NetworkMode": inspect["HostConfig"]["NetworkMode"]},
        "NetworkSettings": {"Networks": inspect["NetworkSettings"]["Networks"] or
                            {inspect["HostConfig"]["NetworkMode"]: {}}},
        "Mounts": inspect["Mounts"]}


def image_summary(inspect):
    """An entry of GET /images/json."""
    return {"Id": inspect["Id"], "ParentId": "", "RepoTags": inspect["RepoTags"], "RepoDigests": inspect["RepoDigests"],
            "Created": seconds(inspect["Created"]), "Size": inspect["Size"], "VirtualSize": inspect["Size"],
            "SharedSize": -1, "Labels": inspect["Config"]["Labels"], "Containers": -1}


class Data:
    """What is served, as sbx told it."""

    def __init__(self, box):
        def lines(*args):
            return [json.loads(line) for line in box.ok(*args, "--format", "json").split("\n") if line]

        def inspected(kind, *listing):
            names = list(dict.fromkeys(box.ok(*listing).split()))
            return json.loads(box.ok("inspect", "--type", kind, *names)) if names else []

        status = {row["ID"]: row["Status"] for row in lines("ps", "-a", "--no-trunc")}
        self.inspected = inspected("container", "ps", "-aq", "--no-trunc")
        self.sized = json.loads(box.ok("inspect", "-s", *[c["Id"] for c in self.inspected]))
        self.containers = [summary(c, status[c["Id"]]) for c in self.inspected]
        self.images_inspected = inspected("image", "images", "-q", "--no-trunc")
        self.images = [image_summary(i) for i in self.images_inspected]
        self.histories = {i["Id"]: self.history(box, i["Id"]) for i in self.images_inspected}
        self.networks = inspected("network", "network", "ls", "-q")
        self.volumes = json.loads(box.ok("volume", "inspect", *box.ok("volume", "ls", "-q").split()))
        self.info = lines("info")[0]
        self.version = lines("version")[0]
        self.events = lines("events", "--since", "1h", "--until", "0s")
        self.found = [{"name": row["Name"], "description": row["Description"], "star_count": int(row["StarCount"]),
                       "is_official": row["IsOfficial"] == "true", "is_automated": False}
                      for row in lines("search", "-f", "is-official=true", "busybox")]
        self.changes = {c["Id"]: [{"Kind": "CAD".index(line[0]), "Path": line[2:]}
                                  for line in box.ok("diff", c["Id"]).split("\n") if line] for c in self.inspected}

    @staticmethod
    def history(box, image):
        rows = json.loads("[%s]" % ",".join(box.ok("history", "--no-trunc", "-H=false", "--format", "json",
                                                   image).split("\n")))
        return [{"Id": row["ID"], "Created": seconds(row["CreatedAt"]), "CreatedBy": row["CreatedBy"],
                 "Size": int(row["Size"]), "Comment": row["Comment"], "Tags": None} for row in rows]

    def wanted(self, query):
        """The events that the filter type= asks for; nothing new ever happens."""
        if "since" not in query:
            return []
        kinds = json.loads(query.get("filters", "{}")).get("type")
        return [e for e in self.events if not kinds or e["Type"] in kinds]

    def container(self, name, rows):
        return next((c for c in rows if c["Name"] == "/" + name or c["Id"].startswith(name)), None)

    def image(self, name):
        for one in self.images_inspected:
            digest = one["Id"].partition(":")[2]
            if name in (one["Id"], *one["RepoTags"], *(t.rpartition(":")[0] for t in one["RepoTags"])) or \
                    digest.startswith(name):
                return one
        return None

    def answer(self, path, query):
        """The document at a path, or None."""
        fixed = {
            "/containers/json": lambda: self.containers[:int(query.get("limit", 100))]
            if query.get("all") or int(query.get("limit", 0)) > 0 else [c for c in self.containers if c["State"] == "running"],
            "/images/json": lambda: self.images, "/networks": lambda: self.networks, "/info": lambda: self.info,
            "/volumes": lambda: {"Volumes": self.volumes, "Warnings": None}, "/images/search": lambda: self.found,
            "/version": lambda: dict(self.version["Server"], MinAPIVersion="1.12"), "/events": lambda: self.wanted(query)}
        if path in fixed:
            return fixed[path]()
        found = re.match(r"/(containers|images|networks|volumes)/(.+?)(?:/(json|history|changes|stats))?$", path)
        if not found:
            return None
        kind, name, part = found[1], urllib.parse.unquote(found[2]), found[3]
        return getattr(self, "one_" + kind)(name, part, query)

    def one_containers(self, name, part, query):
        if part == "stats":
            one = self.container(name, self.inspected)
            return one and {"id": one["Id"], "name": one["Name"], "pids_stats": {"current": 1}}
        one = self.container(name, self.sized if query.get("size") else self.inspected)
        return self.changes[one["Id"]] if one and part == "changes" else one

    def one_images(self, name, part, _query):
        one = self.image(name)
        return self.histories[one["Id"]] if one and part == "history" else one

    def one_networks(self, name, _part, _query):
        return next((n for n in self.networks if n["Name"] == name or n["Id"].startswith(name)), None)

    def one_volumes(self, name, _part, _query):
        return next((v for v in self.volumes if v["Name"] == name), None)


def missing(path):
    """The daemon's words."""
    kind, name = path.split("/")[1:3]
    return {"containers": "No such container: %s", "images": "No such image: %s:latest", "networks": "network %s not found",
            "volumes": "get %s: no such volume"}[kind] % name


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlsplit(re.sub(r"^/v1\.\d+", "", self.path))
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items() if v[0] not in ("0", "false")}
        document = "OK" if url.path == "/_ping" else self.server.data.answer(url.path, query)
        self.send_response(404 if document is None else 200)
        self.send_header("Api-Version", VERSION)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if document is None:
            document = {"message": missing(url.path)}
        rows = document if url.path == "/events" else [document]
        self.wfile.write("\n".join(json.dumps(row) for row in rows).encode())

    def address_string(self):
        return "unix"

    def log_message(self, *_args):
        pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that has seen enough hangs up


@contextlib.contextmanager
def serving(box, path):
    """A fake engine with what the box has now, on a socket at this path."""
    with Server(path, Handler) as server:
        server.data = Data(box)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield "unix://" + path
        finally:
            server.shutdown()
            thread.join()
