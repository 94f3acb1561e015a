import { EBUSY, EINVAL, EPERM } from '../errno.ts';
import { Bytes, SeekableFile } from '../vfs/bytes-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, S_IFREG, type Stat, type Statfs } from '../vfs/types.ts';

const TMPFS_MAGIC = 0x01021994;
let nextInode = 5000;

/** F_SEAL_… (man 2 fcntl, "File Sealing"). */
export const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;
const F_SEAL_FUTURE_WRITE = 0x10;
export const F_SEAL_EXEC = 0x20;
const F_ALL_SEALS = 0x3f;

/** memfd_create(2): a file without a name. */
export class MemoryFile extends SeekableFile {
  private readonly bytes = new Bytes();
  private readonly inode = nextInode++;
  private mode = 0o777;
  private sealed: number;

  constructor(path: string, seals: number) {
    super(path, O_RDWR | 0o100000);
    this.sealed = seals;
    if ((seals & F_SEAL_EXEC) !== 0) this.mode = 0o666;
  }

  /** F_GET_SEALS */
  get seals(): number {
    return this.sealed;
  }
  /** F_ADD_SEALS: 0 or -errno; `mapped` tells whether a shared mapping may be stored to. */
  addSeals(seals: number, mapped: () => boolean): number {
    if ((seals & ~F_ALL_SEALS) !== 0) return -EINVAL;
    if ((this.sealed & F_SEAL_SEAL) !== 0) return -EPERM;
    if ((seals & ~this.sealed & F_SEAL_WRITE) !== 0 && mapped()) return -EBUSY;
    // what nobody may make executable, nobody may write or resize either once it is executable (mm/memfd.c)
    const executable = (seals & F_SEAL_EXEC) !== 0 && (this.mode & 0o111) !== 0;
    this.sealed |= seals | (executable ? F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE : 0);
    return 0;
  }
  /** Whether bytes may be changed no more, but through mappings that were there before. */
  get readOnlyForGood(): boolean {
    return (this.sealed & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0;
  }
  /** Whether a mapping is one of this file. */
  isSourceOf(source: { readonly dev: number; readonly ino: number }): boolean {
    return source.dev === 1 && source.ino === this.inode;
  }

  stat(): Stat {
    const { size } = this.bytes;
    return syntheticStat({
      mode: S_IFREG | this.mode,
      ino: this.inode,
      dev: 1,
      nlink: 0,
      size,
      blocks: Math.ceil(size / 4096) * 8,
    });
  }
  statfs(): Statfs {
    return syntheticStatfs(TMPFS_MAGIC);
  }
  override chmod(mode: number): number {
    if ((this.sealed & F_SEAL_EXEC) !== 0 && ((mode ^ this.mode) & 0o111) !== 0) return -EPERM;
    this.mode = mode & 0o7777;
    return 0;
  }
  protected readAt(into: Uint8Array, offset: number): number {
    return this.bytes.read(into, offset);
  }
  protected writeAt(from: Uint8Array, offset: number): number {
    if (from.length > 0 && this.readOnlyForGood) return -EPERM;
    if ((this.sealed & F_SEAL_GROW) !== 0 && offset + from.length > this.bytes.size) return -EPERM;
    return this.bytes.write(from, offset);
  }
  /** A mapping may be older than a seal. */
  protected override writeMapped(from: Uint8Array, offset: number): number {
    return this.bytes.write(from, offset);
  }
  size(): number {
    return this.bytes.size;
  }
  protected resize(size: number): number {
    const change = size - this.bytes.size;
    const forbidden = change > 0 ? F_SEAL_GROW : change < 0 ? F_SEAL_SHRINK : 0;
    return (this.sealed & forbidden) !== 0 ? -EPERM : this.bytes.resize(size);
  }
  protected override clear(start: number, end: number): number {
    if (this.readOnlyForGood) return -EPERM;
    this.bytes.clear(start, end);
    return 0;
  }
  protected identity(): { name: string; dev: number; ino: number } {
    return { name: this.path, dev: 1, ino: this.inode };
  }
}

/** The description memfd_create returns; `seals`: F_SEAL_SEAL where none may be added. */
export function createMemoryFile(name: string, seals: number = F_SEAL_SEAL): MemoryFile {
  return new MemoryFile(`/memfd:${name} (deleted)`, seals);
}
