"""Plants many images, by writing the objects that librbd would write for them: that takes seconds, and it minutes.

``plant_images.py CONF POOL NAMESPACE COUNT SIZE_BYTES``, on the interpreter that has python3-rados. The
images are ``volume-00000``, … and have the ids ``f…``; every second has the limit of 1000 + its number
operations per second. librbd opens, resizes and deletes them like its own.
"""

from __future__ import annotations

import struct
import sys

import rados
import rbd


def text(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    return struct.pack("<Q", value)


def main() -> None:
    """Write directory, names and headers."""
    conf, pool, namespace, count, size_bytes = sys.argv[1:]
    cluster = rados.Rados(conffile=conf)
    cluster.connect()
    ioctx = cluster.open_ioctx(pool)
    ioctx.set_namespace(namespace)
    rbd.RBD().create(ioctx, "model", int(size_bytes))
    model = rbd.RBD().list2(ioctx)
    (model_id,) = (image["id"] for image in model if image["name"] == "model")
    with rados.ReadOpCtx() as read:
        values, _ = ioctx.get_omap_vals(read, "", "", 100)
        ioctx.operate_read_op(read, f"rbd_header.{model_id}")
        header = {key: bytes(value) for key, value in values}
    rbd.RBD().remove(ioctx, "model")
    waiting, directory = [], {}
    for place in range(int(count)):
        name, image_id = f"volume-{place:05}", f"f{place:08x}"
        own = {**header, "object_prefix": text(f"rbd_data.{image_id}")}
        if place % 2:
            own["metadata_conf_rbd_qos_iops_limit"] = str(1000 + place).encode()
        write = ioctx.create_write_op()
        ioctx.set_omap(write, tuple(own), tuple(own.values()))
        waiting.append(ioctx.operate_aio_write_op(write, f"rbd_header.{image_id}"))
        waiting.append(ioctx.aio_write_full(f"rbd_id.{name}", text(image_id)))
        directory |= {f"name_{name}": text(image_id), f"id_{image_id}": text(name)}
    keys = sorted(directory)
    for start in range(0, len(keys), 1000):
        some = keys[start : start + 1000]
        with rados.WriteOpCtx() as write:
            ioctx.set_omap(write, tuple(some), tuple(directory[key] for key in some))
            ioctx.operate_write_op(write, "rbd_directory")
    for each in waiting:
        each.wait_for_complete()
    cluster.shutdown()


if __name__ == "__main__":
    main()
