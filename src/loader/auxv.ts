/** Types of auxiliary vector entries (getauxval(3), <linux/auxvec.h>). */
export const AT_NULL = 0;
export const AT_PHDR = 3;
export const AT_PHENT = 4;
export const AT_PHNUM = 5;
export const AT_PAGESZ = 6;
export const AT_BASE = 7;
export const AT_FLAGS = 8;
export const AT_ENTRY = 9;
export const AT_UID = 11;
export const AT_EUID = 12;
export const AT_GID = 13;
export const AT_EGID = 14;
export const AT_PLATFORM = 15;
export const AT_HWCAP = 16;
export const AT_CLKTCK = 17;
export const AT_SECURE = 23;
export const AT_RANDOM = 25;
export const AT_HWCAP2 = 26;
export const AT_EXECFN = 31;
export const AT_SYSINFO = 32;
export const AT_SYSINFO_EHDR = 33;
export const AT_MINSIGSTKSZ = 51;

/** One entry: type and value. */
export type AuxEntry = readonly [type: number, value: number];

/** The user's ids that AT_UID … AT_EGID tell. */
export interface Ids {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
}

/** Everything the auxiliary vector is made of. Addresses are guest addresses. */
export interface AuxInput {
  readonly phdr: number;
  readonly phentsize: number;
  readonly phnum: number;
  /** Load address of the interpreter; 0 without one. */
  readonly base: number;
  readonly entry: number;
  readonly ids: Ids;
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly random: number;
  readonly execfn: number;
  readonly platform: number;
  readonly vdso?: number | undefined;
  /** Address of its __kernel_vsyscall (i386). */
  readonly sysinfo?: number | undefined;
  /** Smallest signal stack the architecture's frame fits in (sysconf(_SC_MINSIGSTKSZ)). */
  readonly minSigStackSize?: number | undefined;
}

/** The entries in Linux's order (fs/binfmt_elf.c, create_elf_tables), AT_NULL included. */
export function auxEntries(input: AuxInput): AuxEntry[] {
  const entries: AuxEntry[] = [];
  if (input.sysinfo !== undefined) entries.push([AT_SYSINFO, input.sysinfo]);
  if (input.vdso !== undefined) entries.push([AT_SYSINFO_EHDR, input.vdso]);
  if (input.minSigStackSize !== undefined) entries.push([AT_MINSIGSTKSZ, input.minSigStackSize]);
  entries.push(
    [AT_HWCAP, input.hwcap],
    [AT_PAGESZ, 4096],
    [AT_CLKTCK, 100],
    [AT_PHDR, input.phdr],
    [AT_PHENT, input.phentsize],
    [AT_PHNUM, input.phnum],
    [AT_BASE, input.base],
    [AT_FLAGS, 0],
    [AT_ENTRY, input.entry],
    [AT_UID, input.ids.uid],
    [AT_EUID, input.ids.euid],
    [AT_GID, input.ids.gid],
    [AT_EGID, input.ids.egid],
    [AT_SECURE, 0],
    [AT_RANDOM, input.random],
    [AT_HWCAP2, input.hwcap2],
    [AT_EXECFN, input.execfn],
  );
  if (input.platform !== 0) entries.push([AT_PLATFORM, input.platform]);
  entries.push([AT_NULL, 0]);
  return entries;
}
