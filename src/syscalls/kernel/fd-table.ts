import { EBADF, EINVAL, EMFILE } from '../errno.ts';
import { HostOpening } from '../vfs/host-opening.ts';
import type { OpenFile, Opening, Stat } from '../vfs/types.ts';

/** File descriptor table of a process (man 2 open): descriptors, their close-on-exec bits. */
export class FdTable {
  private readonly files: (OpenFile | Opening | null)[] = [];
  private readonly cloexec: boolean[] = [];
  /** RLIMIT_NOFILE. */
  limit = 1024;
  /** Told of descriptions whose last descriptor goes: their locks go too. */
  onLastClose: (file: OpenFile) => void = () => {};
  /** Whether nobody wants to be told of files that are closed unused. */
  closesUnseen: () => boolean = () => false;
  private users = 1;

  /** The description of a descriptor, or null (EBADF). */
  get(fd: number): OpenFile | null {
    const file = this.files[fd] ?? null;
    return file instanceof HostOpening ? this.settle(fd, file) : (file as OpenFile | null);
  }

  /** fstat(2): a negative errno, or what the descriptor's file is. */
  stat(fd: number): Stat | number {
    const file = this.files[fd] ?? null;
    if (file === null) return -EBADF;
    if (!(file instanceof HostOpening)) return (file as OpenFile).stat();
    const known = file.settleByStat();
    this.files[fd] = known.file;
    return known.stat;
  }

  /** Whether a descriptor was opened and not used yet. */
  isUnused(fd: number): boolean {
    return this.files[fd] instanceof HostOpening;
  }

  private settle(fd: number, opening: Opening): OpenFile {
    const file = opening.settle();
    this.files[fd] = file;
    return file;
  }

  /** Install at the lowest free descriptor from `from`; takes over the reference. EMFILE closes it. */
  install(file: OpenFile | Opening, cloexec: boolean, from = 0): number {
    let fd = from;
    while (fd < this.files.length && this.files[fd] != null) fd++;
    if (fd >= this.limit) {
      if (file instanceof HostOpening) file.close();
      else this.release(file as OpenFile);
      return -EMFILE;
    }
    this.put(fd, file, cloexec);
    return fd;
  }

  /** dup(2), fcntl F_DUPFD. */
  dup(fd: number, from: number, cloexec: boolean): number {
    const file = this.get(fd);
    if (file === null) return -EBADF;
    if (from < 0 || from >= this.limit) return -EINVAL;
    file.refs++;
    return this.install(file, cloexec, from);
  }

  /** dup3(2) without its checks: replaces whatever `to` was. */
  dupTo(fd: number, to: number, cloexec: boolean): number {
    const file = this.get(fd);
    if (file === null) return -EBADF;
    if (to < 0 || to >= this.limit) return -EBADF;
    file.refs++;
    const old = this.get(to);
    this.put(to, file, cloexec);
    if (old !== null) this.release(old);
    return to;
  }

  close(fd: number): number {
    const opening = this.files[fd];
    const unseen = opening instanceof HostOpening && this.closesUnseen();
    const file = unseen ? null : this.get(fd);
    if (file === null && !unseen) return -EBADF;
    this.files[fd] = null;
    return file === null ? (opening as Opening).close() : this.release(file);
  }

  getCloexec(fd: number): boolean {
    return this.cloexec[fd] ?? false;
  }

  setCloexec(fd: number, on: boolean): void {
    this.cloexec[fd] = on;
  }

  /** Open descriptors in order. */
  list(): number[] {
    const open: number[] = [];
    for (let fd = 0; fd < this.files.length; fd++) if (this.files[fd] != null) open.push(fd);
    return open;
  }

  /** A copy that shares the descriptions: fork(2). */
  copy(): FdTable {
    const table = new FdTable();
    table.limit = this.limit;
    table.onLastClose = this.onLastClose;
    table.closesUnseen = this.closesUnseen;
    for (let fd = 0; fd < this.files.length; fd++) {
      const file = this.get(fd);
      table.files.push(file);
      table.cloexec.push(this.cloexec[fd] ?? false);
      if (file !== null) file.refs++;
    }
    return table;
  }

  /** The same table for another process: CLONE_FILES. */
  share(): FdTable {
    this.users++;
    return this;
  }

  /** Whether other processes use the table too. */
  get shared(): boolean {
    return this.users > 1;
  }

  /** A process uses the table no longer. */
  leave(): void {
    if (--this.users === 0) for (const fd of this.list()) this.close(fd);
  }

  /** execve(2): what was marked so is closed. */
  closeOnExec(): void {
    for (const fd of this.list()) if (this.cloexec[fd] === true) this.close(fd);
  }

  private put(fd: number, file: OpenFile | Opening, cloexec: boolean): void {
    while (this.files.length < fd) this.files.push(null);
    this.files[fd] = file;
    this.cloexec[fd] = cloexec;
  }

  /** A reference outside the table is given up: one that was on its way to somebody. */
  drop(file: OpenFile): void {
    this.release(file);
  }

  private release(file: OpenFile): number {
    if (--file.refs > 0) return 0;
    this.onLastClose(file);
    return file.close();
  }
}
