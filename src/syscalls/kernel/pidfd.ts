import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, POLLIN, type Stat, type Statfs } from '../vfs/types.ts';
import type { Process } from './process.ts';
import type { WaitQueue } from './wait-queue.ts';

const ANON_INODE_FS_MAGIC = 0x09041934;

/** A descriptor that stands for a process (man 2 pidfd_open): it can be read from, as poll says, when that has ended. */
export class PidFile extends BaseFile {
  override readonly mayBlock: boolean = true;
  readonly process: Process;

  constructor(process: Process, flags: number) {
    super('anon_inode:[pidfd]', O_RDWR | flags);
    this.process = process;
  }
  override get waitQueue(): WaitQueue {
    return this.process.exitQueue;
  }
  override poll(): number {
    return this.process.exited === null ? 0 : POLLIN;
  }
  stat(): Stat {
    return syntheticStat({ mode: 0o600, ino: 1 });
  }
  statfs(): Statfs {
    return syntheticStatfs(ANON_INODE_FS_MAGIC);
  }
}
