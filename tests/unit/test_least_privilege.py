"""What collects cannot change what it reads."""

from __future__ import annotations

import libvirt
import pytest

from collectors.hypervisors.libvirt_worker import Calls


def test_a_connection_to_libvirt_cannot_change_a_guest() -> None:
    calls = Calls()
    calls.open("test:///default", None, None)
    (guest,) = calls._connection.listAllDomains()  # noqa: SLF001 - the very connection that guests are read by

    for change in (guest.destroy, guest.suspend, guest.undefine):
        with pytest.raises(libvirt.libvirtError) as denied:
            change()
        assert denied.value.get_error_code() == libvirt.VIR_ERR_OPERATION_DENIED
