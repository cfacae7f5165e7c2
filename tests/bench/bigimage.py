# SPDX-License-Identifier: Apache-2.0
"""An image of 1 GB in six layers, the same bytes on every machine: what big images are made of (many small files,
few large ones, text beside what is compressed already) without being anybody's."""

import concurrent.futures
import io
import os
import random
import sys
import tarfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures"))
import oci  # noqa: E402

MEGABYTES = (420, 250, 150, 100, 60, 20)  # of each layer, unpacked
BLOCK, BLOCKS = 1 << 16, 192
NAME = "big/gigabyte"


def blocks():
    """Blocks of 64 KB, an eighth of them random bytes and the rest words: deflate leaves 0.4 of them."""
    draw = random.Random(20)
    words = [draw.randbytes(draw.randint(3, 16)) for _ in range(256)]
    return [draw.randbytes(BLOCK) if i % 8 == 0 else b"".join(draw.choices(words, k=BLOCK // 4))[:BLOCK] for i in range(BLOCKS)]


def sizes(draw, total):
    """Half of the bytes in files of some KB, the other half in files of some MB."""
    while total > 0:
        size = draw.randint(100, 50000) if draw.random() < 0.994 else draw.randint(1 << 20, 6 << 20)
        yield min(size, total)
        total -= size


def tar(number, pool):
    draw, out = random.Random(number), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for i, size in enumerate(sizes(draw, MEGABYTES[number] * 1000000)):
            if i % 50 == 0:
                folder = tarfile.TarInfo("layer%d/d%d" % (number, i // 50))
                folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, oci.EPOCH
                archive.addfile(folder)
            first = draw.randrange(BLOCKS)
            data = b"".join(pool[(first + k) % BLOCKS] for k in range(size // BLOCK + 1))[:size]
            info = tarfile.TarInfo("layer%d/d%d/file%d" % (number, i // 50, i))
            info.size, info.mtime, info.mode = size, oci.EPOCH, 0o644
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def gzip(data):
    packer = zlib.compressobj(4, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


class Packed(oci.Layer):
    """oci.Layer compresses at level 6, which takes a minute here and changes little."""

    def __init__(self, number, pool):  # pylint: disable=super-init-not-called
        data = tar(number, pool)
        self.diff_id, self.data, self.media_type = oci.digest(data), gzip(data), oci.OCI + "layer.v1.tar+gzip"


def layer(number):
    return Packed(number, blocks())


def upload(url):
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as workers:
        layers = list(workers.map(layer, range(len(MEGABYTES))))
    oci.Registry(url).push(NAME, oci.Image(layers, {"Cmd": ["sh"]}))
