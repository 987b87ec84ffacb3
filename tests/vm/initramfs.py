# SPDX-License-Identifier: BSD-2-Clause
"""Build the guest's root file system: an initramfs with busybox, kernel modules and files of ours.

The archive is cpio's "newc" format, which the kernel unpacks into RAM at boot. The kernel starts
/init, here the shell script `guest-init`, which loads the modules and then runs what it is sent.
"""
import lzma
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent

DIRECTORY, FILE, SYMLINK = 0o040755, 0o100644, 0o120777
EXECUTABLE = FILE | 0o111


class Archive:
    """A newc cpio archive in memory. Directories above an entry are made as needed."""

    def __init__(self):
        self.chunks = []
        self.seen = set()

    def _entry(self, path, mode, data, inode):
        name = path.encode() + b'\0'
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        header = b'070701' + b''.join(b'%08x' % field for field in fields) + name
        for part in (header, data):
            self.chunks.append(part + bytes(-len(part) % 4))

    def add(self, path, mode, data=b''):
        path = path.strip('/')
        if path in self.seen:
            return
        parent = os.path.dirname(path)
        if parent:
            self.add(parent, DIRECTORY)
        self.seen.add(path)
        self._entry(path, mode, data, len(self.seen))

    def bytes(self):
        self._entry('TRAILER!!!', 0, b'', 0)
        return b''.join(self.chunks)


class Modules:
    """The modules of a prepared kernel, and those that were built for it, found by name."""

    def __init__(self, directory, more=()):
        self.files = {self.plain(path.name.split('.')[0]): path
                      for path in [*pathlib.Path(directory).glob('kernel/**/*.ko*'), *more]}
        self.builtin = {self.plain(pathlib.Path(line).stem) for line in
                        pathlib.Path(directory, 'modules.builtin').read_text().split()}

    @staticmethod
    def plain(name):
        return name.replace('-', '_')

    def load_order(self, names):
        """[(name, contents)] of the named modules, each after those it depends on."""
        order = {}
        for name in names:
            self._visit(self.plain(name), order)
        return list(order.items())

    def _visit(self, name, order):
        if name in order or name in self.builtin:
            return
        if name not in self.files:
            raise LookupError(f'the prepared kernel has no module {name}')
        contents = self.files[name].read_bytes()
        if self.files[name].suffix == '.xz':
            contents = lzma.decompress(contents)
        for dependency in self.dependencies(contents):
            self._visit(self.plain(dependency), order)
        order[name] = contents

    @staticmethod
    def dependencies(contents):
        """What a module says about itself: depends=..., softdep=pre: ..."""
        listed = re.search(rb'\0depends=([^\0]*)\0', contents)
        before = re.search(rb'\0softdep=pre: ([^\0:]*)\0', contents)
        return ((listed.group(1).decode().split(',') if listed and listed.group(1) else [])
                + (before.group(1).decode().split() if before else []))


def shared_libraries(program):
    """Paths of the libraries, and of the loader, that a program needs; none if it is static."""
    ldd = subprocess.run(('ldd', program), text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if 'not found' in ldd.stdout:
        raise LookupError(f'{program} lacks a library:\n{ldd.stdout}')
    return re.findall(r'(/\S+) \(0x', ldd.stdout)


# Where the prepared root's programs live in the guest, beside the host's programs and libraries.
PREPARED = 'prepared'

# Their loader is not at the place that they name: it is told to run them.
WRAPPER = """#!/bin/sh
exec /{0}/ld-linux-x86-64.so.2 --library-path /{0} /{0}/{1} "$@"
"""


def prepared_libraries(root, program):
    """Paths of the loader and of the libraries that a program of the prepared root needs."""
    directory = root / 'usr/lib/x86_64-linux-gnu'
    loader = directory / 'ld-linux-x86-64.so.2'
    listing = subprocess.run((loader, '--library-path', directory, '--list', program), text=True,
                             check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    names = re.findall(r'=> \S*/(\S+) \(0x', listing.stdout)
    return [loader, *(directory / name for name in names)]


def add_prepared_program(archive, root, name):
    program = root / 'usr/bin' / name
    for source in (program, *prepared_libraries(root, program)):
        archive.add(f'{PREPARED}/{source.name}', EXECUTABLE, source.read_bytes())
    archive.add(f'bin/{name}', EXECUTABLE, WRAPPER.format(PREPARED, name).encode())


def add_pciutils(archive, root):
    """lspci and setpci in place of busybox's, and the names they show."""
    for name in ('lspci', 'setpci'):
        add_prepared_program(archive, root, name)
    names = 'usr/share/misc/pci.ids'
    archive.add(names, FILE, (root / names).read_bytes())


def add_file(archive, guest_path, source):
    """Add a host file (a path) or bytes; a host file keeps its executable bit."""
    if isinstance(source, bytes):
        archive.add(guest_path, FILE, source)
    else:
        mode = EXECUTABLE if os.access(source, os.X_OK) else FILE
        archive.add(guest_path, mode, pathlib.Path(source).read_bytes())


def add_busybox(archive, busybox):
    archive.add('bin/busybox', EXECUTABLE, busybox.read_bytes())
    applets = subprocess.run((busybox, '--list'), text=True, check=True, stdout=subprocess.PIPE)
    for applet in applets.stdout.split():
        archive.add(f'bin/{applet}', SYMLINK, b'busybox')


def build(root, kernel, modules=(), files=None, programs=(), pciutils=False, more_modules=()):
    """The archive's bytes.

    root      the prepared root that holds busybox
    kernel    the directory that holds the kernel's modules
    modules   names, each with parameters if it has any: 'vfio_iommu_type1 name=value'
    files     {guest path: host path or bytes}
    programs  host paths of executables: they land in /bin, their libraries where they expect them
    pciutils  lspci, setpci and the names of devices
    more_modules   paths of modules that the kernel's directory lacks
    """
    archive = Archive()
    for directory in ('dev', 'proc', 'sys', 'run', 'tmp'):
        archive.add(directory, DIRECTORY)
    archive.add('init', EXECUTABLE, (HERE / 'guest-init').read_bytes())
    for guest_path, source in (files or {}).items():
        add_file(archive, guest_path, source)
    for program in programs:
        archive.add('bin/' + os.path.basename(program), EXECUTABLE,
                    pathlib.Path(program).read_bytes())
        for library in shared_libraries(program):
            add_file(archive, library, library)
    if pciutils:
        add_pciutils(archive, root)
    add_busybox(archive, root / 'usr/bin/busybox')
    add_modules(archive, Modules(kernel, more_modules), modules)
    return archive.bytes()


def add_modules(archive, available, wanted):
    """/modules/NAME.ko, and /modules/order: a line of file and parameters for each, in order."""
    parameters = {available.plain(line.split()[0]): line.split()[1:] for line in wanted}
    order = ''
    for name, contents in available.load_order(parameters):
        archive.add(f'modules/{name}.ko', FILE, contents)
        order += ' '.join((f'/modules/{name}.ko', *parameters.get(name, ()))) + '\n'
    archive.add('modules/order', FILE, order.encode())
