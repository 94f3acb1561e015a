import fs from 'node:fs';
import { EACCES, EPERM } from '../errno.ts';
import { S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, type Stat } from './types.ts';

/** Whose permissions count for files (man 7 credentials): user and group of the file system, supplementary groups. */
export interface FileIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Whether they have the capabilities that files ask for: CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN, CAP_FSETID. */
  readonly privileged: boolean;
}

export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_ISVTX = 0o1000;

const isIn = (ids: FileIds, gid: number): boolean => ids.gid === gid || ids.groups.includes(gid);

/** The owner, or who has CAP_FOWNER. */
export const owns = (ids: FileIds, stat: Stat): boolean => ids.uid === stat.uid || ids.privileged;

/** man 7 path_resolution, "Permissions": 0, or EACCES where some of the wanted MAY_ bits is missing. */
export function permission(ids: FileIds, stat: Stat, wanted: number): number {
  const { mode } = stat;
  if (ids.privileged) {
    const executable = (mode & 0o111) !== 0 || (mode & S_IFMT) === S_IFDIR;
    return (wanted & MAY_EXEC) !== 0 && !executable ? -EACCES : 0;
  }
  const shift = ids.uid === stat.uid ? 6 : isIn(ids, stat.gid) ? 3 : 0;
  return (wanted & ~(mode >> shift) & 7) !== 0 ? -EACCES : 0;
}

/** Whether a name may be made in a directory. */
export const mayMake = (ids: FileIds, dir: Stat): number => permission(ids, dir, MAY_WRITE | MAY_EXEC);

/** Whether a name may be taken away: in a sticky directory only by the owner of either (man 1 chmod). */
export function mayRemove(ids: FileIds, dir: Stat, victim: Stat): number {
  const denied = permission(ids, dir, MAY_WRITE | MAY_EXEC);
  if (denied < 0) return denied;
  return (dir.mode & S_ISVTX) === 0 || owns(ids, victim) || owns(ids, dir) ? 0 : -EPERM;
}

/** The mode that chmod(2) sets, or EPERM: who is not of the file's group sets no set-group-ID bit. */
export function modeToSet(ids: FileIds, stat: Stat, mode: number): number {
  if (!owns(ids, stat)) return -EPERM;
  return ids.privileged || isIn(ids, stat.gid) ? mode : mode & ~S_ISGID;
}

/** chown(2): the owner may give a file to another of the own groups, nothing else; -1 keeps one. */
export function mayChown(ids: FileIds, stat: Stat, uid: number, gid: number): number {
  if (ids.privileged) return 0;
  const owner = ids.uid === stat.uid;
  if (uid !== -1 && !(owner && uid >>> 0 === stat.uid)) return -EPERM;
  if (gid !== -1 && !(owner && (gid >>> 0 === stat.gid || isIn(ids, gid >>> 0)))) return -EPERM;
  return 0;
}

/** utimensat(2): the present may be set by who may write, other times by the owner alone. */
export function mayTouch(ids: FileIds, stat: Stat, present: boolean): number {
  if (owns(ids, stat)) return 0;
  return present ? permission(ids, stat, MAY_WRITE) : -EPERM;
}

/** Bits that a file loses when somebody without CAP_FSETID writes to it (man 2 write, man 7 inode). */
export function lostByWriting(ids: FileIds, { mode }: Stat): number {
  if (ids.privileged || (mode & S_IFMT) !== S_IFREG) return 0;
  const group = (mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010) ? S_ISGID : 0;
  return (mode & S_ISUID) | group;
}

/** Owner and mode bits of what is made in a directory: a set-group-ID directory gives its group (man 7 inode). */
export function born(ids: FileIds, dir: Stat, mode: number): { uid: number; gid: number; mode: number } {
  const inherits = (dir.mode & S_ISGID) !== 0;
  const gid = inherits ? dir.gid : ids.gid;
  if ((mode & S_IFMT) === S_IFDIR) return { uid: ids.uid, gid, mode: inherits ? mode | S_ISGID : mode };
  const foreign = (mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010) && !ids.privileged && !isIn(ids, gid);
  return { uid: ids.uid, gid, mode: inherits && foreign ? mode & ~S_ISGID : mode };
}

/** Switches of man 5 proc_sys_fs: what is refused in directories that everybody may write to. */
export interface Protections {
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly regular: number;
  readonly fifos: number;
}

/** As systemd sets them: for a tree in memory. */
export const USUAL_PROTECTIONS: Protections = { symlinks: 1, hardlinks: 1, regular: 1, fifos: 1 };

/** The host's settings, which its kernel obeys for its own programs. */
export function hostProtections(): Protections {
  const read = (name: string): number => {
    try {
      return Number(fs.readFileSync(`/proc/sys/fs/protected_${name}`, 'utf8'));
    } catch {
      // Not Linux, or an older one.
      return 0;
    }
  };
  return { symlinks: read('symlinks'), hardlinks: read('hardlinks'), regular: read('regular'), fifos: read('fifos') };
}

/** Whether a symlink at the end of a path is followed (protected_symlinks). */
export function mayFollow(ids: FileIds, { symlinks }: Protections, dir: Stat, link: Stat): number {
  const open = (dir.mode & (S_ISVTX | 0o002)) === (S_ISVTX | 0o002);
  return symlinks === 0 || ids.uid === link.uid || !open || dir.uid === link.uid ? 0 : -EACCES;
}

/** Whether a file may be given another name (protected_hardlinks). */
export function mayLink(ids: FileIds, { hardlinks }: Protections, stat: Stat): number {
  if (hardlinks === 0 || owns(ids, stat)) return 0;
  const special = (stat.mode & S_ISUID) !== 0 || (stat.mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010);
  const plain = (stat.mode & S_IFMT) === S_IFREG && !special;
  return plain && permission(ids, stat, MAY_READ | MAY_WRITE) === 0 ? 0 : -EPERM;
}

/** Whether O_CREAT may open a file that is there already (protected_regular, protected_fifos). */
export function mayReuse(ids: FileIds, { regular, fifos }: Protections, dir: Stat, stat: Stat): number {
  const type = stat.mode & S_IFMT;
  const level = type === S_IFREG ? regular : type === S_IFIFO ? fifos : 0;
  if (level === 0 || (dir.mode & S_ISVTX) === 0 || stat.uid === dir.uid || stat.uid === ids.uid) return 0;
  return (dir.mode & 0o002) !== 0 || (level > 1 && (dir.mode & 0o020) !== 0) ? -EACCES : 0;
}
