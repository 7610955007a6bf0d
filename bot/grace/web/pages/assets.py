"""Stylesheet, modules and pictures of the pages: read once, answered with a strong ETag."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent; `tag` is the hash of its bytes."""

    body: bytes
    media_type: str
    tag: str


def load_assets() -> Mapping[str, Asset]:
    """Read all files of the package's `static` folder, by name."""
    found: dict[str, Asset] = {}
    for each in files("grace.web.pages").joinpath("static").iterdir():
        media_type = MEDIA_TYPES.get(PurePosixPath(each.name).suffix)
        if media_type is not None:
            body = each.read_bytes()
            found[each.name] = Asset(body, media_type, hashlib.sha256(body).hexdigest()[:32])
    return found


def serve(assets: Mapping[str, Asset]) -> Handler:
    """Make the handler of `/static/{name}`; a file that a browser has already is answered 304."""

    async def static(request: web.Request) -> web.StreamResponse:
        asset = assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        headers = {"ETag": f'"{asset.tag}"', "Cache-Control": "no-cache"}
        known = request.if_none_match or ()
        if any(each.value in {asset.tag, "*"} for each in known):
            return web.Response(status=304, headers=headers)
        return web.Response(body=asset.body, headers={**headers, "Content-Type": asset.media_type})

    return static
