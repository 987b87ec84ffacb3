# SPDX-License-Identifier: BSD-2-Clause
"""QEMU devices, as the dicts that its -device option takes as JSON."""
import os


def vfio_user(socket_path, **properties):
    """A device that a server offers on a Unix socket; properties: id, bus, addr..."""
    return {'driver': 'vfio-user-pci',
            'socket': {'type': 'unix', 'path': os.fspath(socket_path)}, **properties}


def root_port(name, chassis=1, **properties):
    """A PCIe port, for hot-plug and for resets: root_port('rp1'), vfio_user(path, bus='rp1').

    QEMU has properties named 'port' and 'slot' in the same place, so do not call it that. The
    speed matters: QEMU never reports the link up behind a port of 16 GT/s.
    """
    return {'driver': 'pcie-root-port', 'id': name, 'chassis': chassis, 'x-speed': '5',
            **properties}


def intel_iommu(intremap=False):
    """A vIOMMU; the VM's kernel_arguments need 'intel_iommu=on'. Name it before other devices."""
    return {'driver': 'intel-iommu', 'caching-mode': True, 'intremap': 'on' if intremap else 'off'}
