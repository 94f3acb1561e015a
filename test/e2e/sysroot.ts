import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const { TSQEMU_TEST_CACHE, XDG_CACHE_HOME } = process.env;

const cache = TSQEMU_TEST_CACHE ?? path.join(XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'tsqemu-user-test');

/** Where the emulator keeps what it translates of the programs under test. */
export const TRANSLATIONS: string = path.join(cache, 'translations');

/** A guest architecture as Debian has it. */
export interface GuestArch {
  /** Debian's name. */
  readonly arch: string;
  /** The oracle. */
  readonly qemu: string;
  /** Tree of packages that scripts/prepare-sysroot.sh makes. */
  readonly sysroot: string;
  /** Triplet of its compiler's folder. */
  readonly triplet: string;
  /** The oracle's answers. */
  readonly recorded: string;
  /** Programs that are run there, by name; null: all. */
  readonly only: RegExp | null;
}

const guest = (
  arch: string,
  qemu: string,
  triplet: string,
  recorded: string,
  only: RegExp | null = null,
): GuestArch => ({
  arch,
  qemu,
  sysroot: path.join(cache, arch),
  triplet,
  recorded: fileURLToPath(new URL(recorded, import.meta.url)),
  only,
});

export const ARM64: GuestArch = guest('arm64', 'qemu-aarch64', 'aarch64-linux-gnu', 'recorded.json');
export const ARMHF: GuestArch = guest('armhf', 'qemu-arm', 'arm-linux-gnueabihf', 'recorded-armhf.json');
/** Soft floating point and A32 code: what differs from armhf. */
const SOFT =
  /^(busybox (awk|dc|bc|sha|md5|sed|gzip|sort|od|printf|seq|sh )|(seq|printf|sort|numfmt|factor|od|stat|ls|sha512sum|b2sum|gawk|lua5.4|sqlite3|dash) |(ba|da)sh -c|(bash|dash): (pipe|subst|here|traps|killed))/;
export const ARMEL: GuestArch = guest('armel', 'qemu-arm', 'arm-linux-gnueabi', 'recorded-armel.json', SOFT);
export const AMD64: GuestArch = guest('amd64', 'qemu-x86_64', 'x86_64-linux-gnu', 'recorded-amd64.json');
export const I386: GuestArch = guest('i386', 'qemu-i386', 'i686-linux-gnu', 'recorded-i386.json');
export const GUESTS: readonly GuestArch[] = [ARM64, ARMHF, ARMEL, AMD64, I386];

/** Whether a guest's packages are here. */
export const hasSysroot = ({ sysroot }: GuestArch): boolean => fs.existsSync(sysroot);

/** Tree of Debian arm64 packages. */
export const SYSROOT: string = ARM64.sysroot;
