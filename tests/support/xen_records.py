"""Records of XenAPI's classes with the fields that a pool sends, as the XenServer Management API documents them."""

from __future__ import annotations

from typing import Any, Final
from xmlrpc.client import DateTime

NULL: Final = "OpaqueRef:NULL"
_NEVER: Final = DateTime("19700101T00:00:00Z")


def ref(uuid: str) -> str:
    return f"OpaqueRef:{uuid}"


def vm(uuid: str, name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a field holds
    return {
        "uuid": uuid, "name_label": name, "name_description": "", "power_state": "Halted", "user_version": "1",
        "allowed_operations": ["start", "clone", "destroy"], "current_operations": {}, "is_a_template": False,
        "is_default_template": False, "is_a_snapshot": False, "is_control_domain": False, "suspend_VDI": NULL,
        "resident_on": NULL, "affinity": NULL, "memory_overhead": "20971520", "memory_target": "0",
        "memory_static_max": "4294967296", "memory_dynamic_max": "4294967296", "memory_dynamic_min": "4294967296",
        "memory_static_min": "2147483648", "VCPUs_params": {}, "VCPUs_max": "2", "VCPUs_at_startup": "2",
        "actions_after_shutdown": "destroy", "actions_after_reboot": "restart", "actions_after_crash": "restart",
        "consoles": [], "VIFs": [], "VBDs": [], "VUSBs": [], "crash_dumps": [], "VTPMs": [], "PV_bootloader": "",
        "PV_kernel": "", "PV_ramdisk": "", "PV_args": "", "PV_bootloader_args": "", "PV_legacy_args": "",
        "HVM_boot_policy": "BIOS order", "HVM_boot_params": {"order": "cdn"}, "HVM_shadow_multiplier": 1.0,
        "platform": {"acpi": "1", "apic": "true", "nx": "true", "pae": "true", "viridian": "false"}, "PCI_bus": "",
        "other_config": {"base_template_name": "Debian Bookworm 12"}, "domid": "-1", "domarch": "",
        "last_boot_CPU_flags": {}, "last_booted_record": "", "recommendations": "<restrictions/>",
        "xenstore_data": {}, "ha_always_run": False, "ha_restart_priority": "", "is_snapshot_from_vmpp": False,
        "snapshot_of": NULL, "snapshots": [], "snapshot_time": _NEVER, "transportable_snapshot_id": "", "blobs": {},
        "tags": [], "blocked_operations": {}, "snapshot_info": {}, "snapshot_metadata": "", "parent": NULL,
        "children": [], "bios_strings": {}, "protection_policy": NULL, "appliance": NULL, "start_delay": "0",
        "shutdown_delay": "0", "order": "0", "VGPUs": [], "attached_PCIs": [], "suspend_SR": NULL, "version": "0",
        "generation_id": "", "hardware_platform_version": "0", "has_vendor_device": False, "reference_label": "",
        "domain_type": "hvm", "NVRAM": {}, "metrics": ref(f"{uuid}-metrics"), "guest_metrics": NULL,
        **fields,
    }  # fmt: skip


def vbd(uuid: str, vm_uuid: str, position: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    return {
        "uuid": uuid, "allowed_operations": ["attach"], "current_operations": {}, "VM": ref(vm_uuid), "VDI": NULL,
        "device": "", "userdevice": str(position), "bootable": position == 0, "mode": "RW", "type": "Disk",
        "unpluggable": True, "storage_lock": False, "empty": False, "other_config": {}, "currently_attached": False,
        "status_code": "0", "status_detail": "", "runtime_properties": {}, "qos_algorithm_type": "",
        "qos_algorithm_params": {}, "qos_supported_algorithms": [], "metrics": NULL,
        **fields,
    }  # fmt: skip


def vdi(uuid: str, sr_uuid: str, name: str = "", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    return {
        "uuid": uuid, "name_label": name, "name_description": "", "allowed_operations": ["clone", "snapshot"],
        "current_operations": {}, "SR": ref(sr_uuid), "VBDs": [], "crash_dumps": [], "virtual_size": "10737418240",
        "physical_utilisation": "4194304", "type": "user", "sharable": False, "read_only": False, "other_config": {},
        "storage_lock": False, "location": uuid, "managed": True, "missing": False, "parent": NULL,
        "xenstore_data": {}, "sm_config": {"image-format": "vhd", "vdi_type": "vhd"}, "is_a_snapshot": False,
        "snapshot_of": NULL, "snapshots": [], "snapshot_time": _NEVER, "tags": [], "allow_caching": False,
        "on_boot": "persist", "metadata_of_pool": "", "metadata_latest": False, "is_tools_iso": False,
        "cbt_enabled": False,
        **fields,
    }  # fmt: skip


def sr(uuid: str, name: str, kind: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    return {
        "uuid": uuid, "name_label": name, "name_description": "", "allowed_operations": ["vdi_create"],
        "current_operations": {}, "VDIs": [], "PBDs": [], "virtual_allocation": "0", "physical_utilisation": "0",
        "physical_size": "1099511627776", "type": kind, "content_type": "user", "shared": False, "other_config": {},
        "tags": [], "sm_config": {}, "blobs": {}, "local_cache_enabled": False, "introduced_by": NULL,
        "clustered": False, "is_tools_sr": False,
        **fields,
    }  # fmt: skip


def host(uuid: str, name: str, address: str) -> dict[str, Any]:
    return {
        "uuid": uuid, "name_label": name, "name_description": "", "hostname": name, "address": address,
        "enabled": True, "API_version_major": "2", "API_version_minor": "21", "API_version_vendor": "XenSource",
        "software_version": {"product_brand": "XCP-ng", "product_version": "8.3.0", "xapi": "25.6"},
        "metrics": ref(f"{uuid}-metrics"), "resident_VMs": [], "other_config": {}, "capabilities": [""],
    }  # fmt: skip
