import { EACCES, EEXIST, EIDRM, EINVAL, ENOENT, ENOSPC, EPERM } from '../errno.ts';
import { realtimeMs } from './clock.ts';
import type { Process } from './process.ts';

export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const IPC_NOWAIT = 0o4000;

/** Whole seconds since the epoch. */
export const nowSeconds = (): number => Math.floor(realtimeMs() / 1000);

/** Who owns an object and who may use it (struct ipc_perm, man 7 sysvipc). */
export class IpcObject {
  key: number;
  readonly cuid: number;
  readonly cgid: number;
  uid: number;
  gid: number;
  mode: number;
  ctime: number = nowSeconds();
  /** IPC_RMID was called: who waits learns of it. */
  removed = false;
  id = 0;

  constructor(process: Process, key: number, mode: number) {
    this.key = key;
    this.uid = this.cuid = process.uids[1];
    this.gid = this.cgid = process.gids[1];
    this.mode = mode & 0o777;
  }

  /** Whether a process may do what the bits (4 read, 2 write) say: 0 or -EACCES. */
  access({ uids, gids }: Process, wanted: number): number {
    if (uids[1] === 0) return 0;
    const owner = uids[1] === this.uid || uids[1] === this.cuid;
    const group = gids[1] === this.gid || gids[1] === this.cgid;
    const granted = this.mode >> (owner ? 6 : group ? 3 : 0);
    return (wanted & ~granted & 6) === 0 ? 0 : -EACCES;
  }
  /** IPC_SET and IPC_RMID are the owner's and the creator's. */
  owns({ uids }: Process): number {
    return uids[1] === 0 || uids[1] === this.uid || uids[1] === this.cuid ? 0 : -EPERM;
  }
}

/** How ids grow when their places are used again (IPCMNI), and the most objects of a kind. */
const SEQUENCE = 32768;

/** The objects of one kind by id, which is its place and how often that was used. */
export class IpcTable<T extends IpcObject> {
  private readonly slots: (T | null)[] = [];
  private readonly uses: number[] = [];

  /** shmget(2), semget(2), msgget(2): `fits` looks at one that exists, `make` makes one; the id or -errno. */
  get(process: Process, key: number, flags: number, fits: (found: T) => number, make: () => T | number): number {
    const found = key === IPC_PRIVATE ? undefined : this.slots.find((object) => object?.key === key);
    if (found === undefined || found === null) {
      if (key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0) return -ENOENT;
      const made = make();
      return typeof made === 'number' ? made : this.add(made);
    }
    if ((flags & (IPC_CREAT | IPC_EXCL)) === (IPC_CREAT | IPC_EXCL)) return -EEXIST;
    const wrong = fits(found) || found.access(process, (flags | (flags >> 3) | (flags >> 6)) & 6);
    return wrong !== 0 ? wrong : found.id;
  }

  private add(object: T): number {
    let index = this.slots.indexOf(null);
    if (index < 0) index = this.slots.length;
    if (index >= SEQUENCE) return -ENOSPC;
    this.slots[index] = object;
    const use = this.uses[index] ?? 0;
    this.uses[index] = use + 1;
    object.id = (use % 0xffff) * SEQUENCE + index;
    return object.id;
  }

  /** The object of an id; -EINVAL, or -EIDRM for one that is gone. */
  find(id: number): T | number {
    if (id < 0) return -EINVAL;
    const object = this.slots[id % SEQUENCE];
    if (object === undefined || object === null) return -EINVAL;
    return object.id === id ? object : -EIDRM;
  }

  /** By place, for who lists all (SHM_STAT and its like). */
  at(index: number): T | number {
    return this.slots[index] ?? -EINVAL;
  }
  list(): T[] {
    return this.slots.filter((object) => object !== null);
  }
  /** The highest place in use. */
  get last(): number {
    return Math.max(
      0,
      this.slots.findLastIndex((object) => object !== null),
    );
  }

  remove(object: T): void {
    const index = this.slots.indexOf(object);
    if (index >= 0) this.slots[index] = null;
    object.removed = true;
  }
}
