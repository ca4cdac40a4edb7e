"""Cinder's API, scheduler and volume services in one process, which is all that the transport ``fake:/`` reaches.

Runs in the virtual environment of Cinder: ``python cinder_aio.py --config-file cinder.conf``.
"""

from cinder import monkey_patch

monkey_patch.patch()

import shlex  # noqa: E402 - eventlet has to come before everything
import sys  # noqa: E402

import cinder.cmd.volume as volume_command  # noqa: E402
import os_brick  # noqa: E402
from cinder import coordination, objects, rpc, service, utils, version  # noqa: E402
from cinder.common import config, constants  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_log import log  # noqa: E402
from oslo_privsep import priv_context  # noqa: E402
from oslo_service import service as oslo_service  # noqa: E402

CONF = cfg.CONF


def main() -> None:
    """Start all services, and serve until a signal ends them."""
    objects.register_all()
    CONF(sys.argv[1:], project="cinder", version=version.version_string())
    config.set_middleware_defaults()
    log.setup(CONF, "cinder")
    priv_context.init(root_helper=shlex.split(utils.get_root_helper()))
    os_brick.setup(CONF)
    utils.monkey_patch()
    coordination.COORDINATOR.start()
    rpc.init(CONF)
    launcher = oslo_service.ServiceLauncher(CONF)
    launcher.launch_service(service.Service.create(binary="cinder-scheduler"))
    for backend in CONF.enabled_backends:
        CONF.register_opt(volume_command.host_opt, group=backend)
        launcher.launch_service(
            service.Service.create(
                host=f"{CONF.host}@{backend}",
                service_name=backend,
                binary=constants.VOLUME_BINARY,
                coordination=True,
            )
        )
    launcher.launch_service(service.WSGIService("osapi_volume"))
    launcher.wait()


main()
