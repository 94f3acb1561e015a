import { Bytes, SeekableFile } from '../vfs/bytes-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, type OpenFile, S_IFREG, type Stat, type Statfs } from '../vfs/types.ts';

const TMPFS_MAGIC = 0x01021994;
let nextInode = 5000;

/** memfd_create(2): a file without a name. */
class MemoryFile extends SeekableFile {
  private readonly bytes = new Bytes();
  private readonly inode = nextInode++;
  private mode = 0o777;

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
    this.mode = mode & 0o7777;
    return 0;
  }
  protected readAt(into: Uint8Array, offset: number): number {
    return this.bytes.read(into, offset);
  }
  protected writeAt(from: Uint8Array, offset: number): number {
    return this.bytes.write(from, offset);
  }
  protected size(): number {
    return this.bytes.size;
  }
  protected resize(size: number): number {
    return this.bytes.resize(size);
  }
  protected identity(): { name: string; dev: number; ino: number } {
    return { name: this.path, dev: 1, ino: this.inode };
  }
}

/** The description memfd_create returns. */
export function createMemoryFile(name: string): OpenFile {
  return new MemoryFile(`/memfd:${name} (deleted)`, O_RDWR | 0o100000);
}
