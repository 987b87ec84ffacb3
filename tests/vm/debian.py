# SPDX-License-Identifier: BSD-2-Clause
"""Debian packages for the test VM, without root, and the cache in which what is made of them lies.

apt is given directories of its own, so that this needs no root and leaves the host's packages
alone; the mirror is the host's. The packages are unpacked, not installed. Nothing is pinned: what
was got is written down beside it.
"""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

SUITES = ('trixie', 'trixie-backports')  # what a suite lacks comes from the one before
KEYRINGS = '/usr/share/keyrings/debian-archive-keyring.'

APT_CONF = '''\
Dir::Etc::sourcelist "{dir}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{dir}";
Dir::State::lists "{dir}/lists";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Default-Release "{suite}";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
'''


class Cannot(Exception):
    """A reason why the VM cannot be prepared here, for people."""


def say(text):
    print(f'test VM: {text}', file=sys.stderr, flush=True)


def output_of(*command, cwd=None):
    result = subprocess.run(command, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, 'LC_ALL': 'C.UTF-8'})
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.startswith('E:')]
        reason = (errors or result.stderr.splitlines() or ['no message'])[0]
        raise Cannot(f'{command[0]} failed: {reason}')
    return result.stdout


def run(*command, **keywords):
    """Run a command; where it fails, the end of what it said is the reason."""
    result = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **keywords)
    if result.returncode:
        end = '\n'.join(result.stdout.splitlines()[-20:])
        raise RuntimeError(f'{command[0]} ended with status {result.returncode}:\n{end}')
    return result.stdout


def host_mirror():
    """The URI from which this host's own apt gets Debian."""
    listing = output_of('apt-get', 'indextargets', '--format', '$(LABEL)|$(REPO_URI)',
                        'Created-By: Packages')
    for line in listing.splitlines():
        label, uri = line.split('|', 1)
        if label == 'Debian':
            return uri
    raise Cannot('apt knows no Debian mirror here: run apt-get update, or give --mirror=URI')


class Apt:
    """An apt with its own directories: sees the suites above and nothing installed."""

    def __init__(self, work, mirror):
        self.dir = work / 'apt'
        (self.dir / 'lists/partial').mkdir(parents=True)
        (self.dir / 'archives/partial').mkdir(parents=True)
        (self.dir / 'status').touch()
        keyring = next((KEYRINGS + end for end in ('gpg', 'pgp')
                        if os.path.exists(KEYRINGS + end)), None)
        if not keyring:
            raise Cannot('the package debian-archive-keyring is missing')
        (self.dir / 'sources.list').write_text(''.join(
            f'deb [signed-by={keyring}] {mirror} {suite} main\n' for suite in SUITES))
        self.conf = self.dir / 'apt.conf'
        self.conf.write_text(APT_CONF.format(dir=self.dir, suite=SUITES[-1]))
        self.run('apt-get', 'update', '-o', 'APT::Update::Error-Mode=any')

    def run(self, program, *arguments, cwd=None):
        return output_of(program, '-q', '-c', str(self.conf), *arguments, cwd=cwd)

    def with_dependencies(self, names):
        """name=version of the packages and all they need."""
        plan = self.run('apt-get', 'install', '--simulate', *names)
        return [f'{name}={version}'
                for name, version in re.findall(r'^Inst (\S+) \((\S+)', plan, re.MULTILINE)]

    def download(self, packages):
        """Fetch packages, checked against the archive's signature; their files."""
        target = self.dir / 'archives'
        listing = self.run('apt-get', 'download', '--print-uris', *packages)
        total = sum(int(size) for size in re.findall(r"^'\S+' \S+ (\d+) ", listing, re.MULTILINE))
        say(f'downloading {len(packages)} packages, {total >> 20} MiB')
        log = self.dir / 'download.log'
        with open(log, 'w') as stderr:
            process = subprocess.Popen(('apt-get', '-qq', '-c', self.conf, 'download', *packages),
                                       cwd=target, stdin=subprocess.DEVNULL,
                                       stdout=stderr, stderr=stderr)
            report_progress(process, target, total)
        if process.returncode:
            raise Cannot('download failed: ' + (log.read_text().splitlines() or ['?'])[-1])
        return sorted(target.glob('*.deb'))


def report_progress(process, directory, total):
    """Say every five seconds how far a download is, until its process has ended."""
    while True:
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            here = sum(path.stat().st_size for path in directory.rglob('*.deb*'))
            say(f'  {here >> 20} of {total >> 20} MiB')


def open_package(package):
    """A process that writes a package's files to stdout, as a tar archive."""
    return subprocess.Popen(('dpkg-deb', '--fsys-tarfile', package), stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)


def unpack(package, target, keep):
    """Unpack those files of a package whose names match."""
    with open_package(package) as process:
        with tarfile.open(fileobj=process.stdout, mode='r|') as archive:
            archive.extraction_filter = getattr(tarfile, 'data_filter', None)
            for member in archive:
                if not member.isdir() and keep.match(member.name):
                    archive.extract(member, target)
        process.stdout.read()  # the archive's padding
    if process.returncode:
        raise Cannot(f'dpkg-deb cannot read {package.name}')


def source_file(package, name):
    """The bytes of one file of linux-source, whose package has the source as an archive."""
    with open_package(package) as process, \
         tarfile.open(fileobj=process.stdout, mode='r|') as outer:
        inner = next((outer.extractfile(member) for member in outer
                      if member.name.endswith('.tar.xz')), None)
        if inner:
            with tarfile.open(fileobj=inner, mode='r|xz') as source:
                for member in source:
                    if member.name.split('/', 1)[1:] == [name]:
                        return source.extractfile(member).read()
    raise Cannot(f'{package.name} has no {name}')


def check_host():
    if os.uname().machine != 'x86_64':
        raise Cannot('the test VM needs an x86-64 host')
    for program in ('apt-get', 'apt-cache', 'dpkg-deb'):
        if not shutil.which(program):
            raise Cannot(f'the test VM is made from Debian packages; there is no {program} here')


def cache_directory():
    if 'UMDEV_VM_CACHE' in os.environ:
        return pathlib.Path(os.environ['UMDEV_VM_CACHE']).absolute()
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return pathlib.Path(home, 'umdev/vm')


@contextlib.contextmanager
def locked(path):
    """Hold a lock that ends with its holder."""
    with open(path, 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('waiting for another preparation to finish')
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_once(kind, key, build, announcement):
    """The directory KIND-KEY of the cache, filled by build(directory) if it is not there yet.

    It appears complete or not at all, whoever else tries at the same time. There is one of a kind.
    """
    cache = cache_directory()
    ready = cache / f'{kind}-{key}'
    if ready.exists():
        return ready
    check_host()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f'lock-{kind}'):
        if ready.exists():
            return ready
        for leftover in cache.glob(f'{kind}-*'):
            shutil.rmtree(leftover, ignore_errors=True)
        say(announcement)
        start = time.monotonic()
        work = cache / f'{kind}-work-{os.getpid()}'
        work.mkdir()
        try:
            build(work)
            work.rename(ready)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        say(f'ready after {time.monotonic() - start:.0f} s')
    return ready


def prepare(kind, key, build, announcement):
    """What a program that prepares does: prints the directory, exits 77 where it cannot."""
    mirror = None
    if len(sys.argv) == 2 and sys.argv[1].startswith('--mirror='):
        mirror = sys.argv[1].split('=', 1)[1]
    elif len(sys.argv) > 1:
        sys.exit(f'usage: {os.path.basename(sys.argv[0])} [--mirror=URI]')
    try:
        print(make_once(kind, key, lambda work: build(work, mirror), announcement))
    except (Cannot, OSError) as reason:
        say(f'cannot be prepared: {reason}')
        sys.exit(1 if os.environ.get('CI') == 'true' else 77)
