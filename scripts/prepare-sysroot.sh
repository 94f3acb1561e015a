#!/usr/bin/env bash
# Build a tree of Debian packages of another architecture for the tests: prepare-sysroot.sh [ARCH [DEST]]
# Everything apt keeps lies under the cache directory; the system is not touched and root is not needed.
# Exit status 3: this machine has no apt, so there is nothing to build from.
set -euo pipefail

arch=${1:-arm64}
cache=${TSQEMU_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsqemu-user-test}
dest=${2:-$cache/$arch}
suite=${TSQEMU_TEST_SUITE:-bookworm}

packages=(
  base-files base-passwd libc-bin ncurses-base netbase tzdata media-types
  busybox-static coreutils bash dash grep sed gawk mawk findutils diffutils
  bc dc lua5.4 sqlite3 python3 libpython3.11-testsuite perl perl-base
  gzip bzip2 xz-utils zstd openssl gcc cpp binutils libc6-dev file jq
  make git tar procps pigz util-linux bsdutils cpio curl redis-server redis-tools
  inotify-tools screen luajit iproute2
)

# Of soft-float ARM a few: it is the instruction set of armhf without its floating point.
if [[ $arch == armel ]]; then
  packages=(base-files base-passwd libc-bin busybox-static coreutils bash dash gawk lua5.4 sqlite3)
fi

stamp="$suite $arch 1 ${packages[*]}"
if [[ -f $dest/.tsqemu-sysroot && $(<"$dest/.tsqemu-sysroot") == "$stamp" ]]; then
  echo "$dest is up to date"
  exit 0
fi
for tool in apt-get dpkg-deb tar; do
  if ! command -v "$tool" > /dev/null; then
    echo "prepare-sysroot: $tool is missing: programs of Debian $arch cannot be fetched here" >&2
    exit 3
  fi
done

# The mirror that this machine's own apt uses for the suite.
mirror=${TSQEMU_TEST_MIRROR:-$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' |
  awk -v suite="$suite" '$2 == suite && $3 == "main" && !found { print $1; found = 1 }')}
if [[ -z $mirror ]]; then
  echo "prepare-sysroot: apt knows no mirror of Debian $suite here: name one in TSQEMU_TEST_MIRROR" >&2
  exit 3
fi

state=$cache/apt-$arch
mkdir -p "$state"/{lists/partial,archives/partial,empty,log}
# An empty list of installed packages makes apt fetch the whole closure, libc included.
: > "$state/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [[ -f $keyring ]]; then trust="signed-by=$keyring"; else
  echo "prepare-sysroot: no Debian keyring ($keyring): package signatures are not checked" >&2
  trust='trusted=yes'
fi
echo "deb [arch=$arch $trust] $mirror $suite main" > "$state/sources.list"

apt=(
  apt-get -q
  -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
  -o "Dir::Cache=$state" -o "Dir::Cache::archives=$state/archives" -o "Dir::Log=$state/log"
  -o "Dir::Etc::sourcelist=$state/sources.list" -o "Dir::Etc::sourceparts=$state/empty"
  -o "Dir::Etc::preferencesparts=$state/empty" -o "Dir::Etc::preferences=$state/none"
  -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "APT::Sandbox::User="
  -o "APT::Install-Recommends=false" -o "Debug::NoLocking=true" -o "Acquire::Languages=none"
  -o "Acquire::Retries=3" -o "APT::Keep-Downloaded-Packages=true" -o "Binary::apt::APT::Keep-Downloaded-Packages=true"
)
"${apt[@]}" update
"${apt[@]}" --yes --download-only install "${packages[@]}"

# Unpack beside the goal and rename, so that an interrupted run leaves no half a tree.
tree=$dest.new.$$
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/usr/{bin,sbin,lib} "$tree"/{etc,tmp,root,proc,dev}
for dir in bin sbin lib; do ln -s "usr/$dir" "$tree/$dir"; done
for deb in "$state"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink --no-same-owner
done

# What the packages' install scripts would have made.
[[ -e $tree/bin/sh ]] || ln -s dash "$tree/bin/sh"
[[ -e $tree/usr/bin/awk ]] || ln -s mawk "$tree/usr/bin/awk"
[[ -e $tree/etc/passwd ]] || cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
[[ -e $tree/etc/group ]] || cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
echo 'passwd: files' > "$tree/etc/nsswitch.conf"
chmod -R u+rwX "$tree"
echo "$stamp" > "$tree/.tsqemu-sysroot"
# Programs may be running from the old tree: it is away for a moment only.
if [[ -e $dest ]]; then mv "$dest" "$dest.old.$$"; fi
mv "$tree" "$dest"
rm -rf "$dest.old.$$"
echo "$dest is ready: $(du -sh "$dest" | cut -f1)"
