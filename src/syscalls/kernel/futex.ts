import type { AddressSpace } from '../../cpu/memory/types.ts';
import { EAGAIN, ETIMEDOUT } from '../errno.ts';
import { readU64 } from '../struct.ts';
import type { Task } from './task.ts';
import { type Pending, waitFor } from './wait.ts';

/** A futex word: its owner, and two flags (linux/futex.h). */
export const FUTEX_WAITERS = 0x8000_0000;
export const FUTEX_OWNER_DIED = 0x4000_0000;
export const FUTEX_TID_MASK = 0x3fff_ffff;
export const FUTEX_BITSET_ALL = 0xffff_ffff;
/** A robust list longer than this is taken for a loop (ROBUST_LIST_LIMIT). */
const MAX_ROBUST = 2048;

/** A task that waits on a futex. */
export interface FutexWaiter {
  readonly task: Task;
  key: string;
  readonly bitset: number;
  woken: boolean;
}

const ids = new WeakMap<AddressSpace, number>();
let nextId = 1;

/** What a futex is known by: the address in its address space, or the place in what is mapped shared. */
export function futexKey(task: Task, address: number, isPrivate: boolean): string {
  const { space } = task;
  if (!isPrivate) {
    const mapping = space.findMapping(address);
    if (mapping?.shared === true) {
      const offset = mapping.offset + address - mapping.start;
      return mapping.source === null
        ? `s${mapping.share}+${offset}`
        : `${mapping.source.dev}:${mapping.source.ino}+${offset}`;
    }
  }
  let id = ids.get(space);
  if (id === undefined) {
    id = nextId++;
    ids.set(space, id);
  }
  return `${id}@${address}`;
}

/** Change a word of guest memory that other threads may change at the same time; returns what it was. */
export function updateWord({ words }: AddressSpace, address: number, change: (value: number) => number): number {
  for (;;) {
    const value = Atomics.load(words, address / 4);
    if (Atomics.compareExchange(words, address / 4, value, change(value)) === value) return value;
  }
}

/** Who waits for which futex (man 2 futex), first come first served. */
export class Futexes {
  private readonly waiters: Map<string, FutexWaiter[]> = new Map();

  /** Wait to be woken; the value was compared by the caller, and nothing runs in between. */
  wait(task: Task, key: string, bitset: number, deadline: number): number | Pending {
    const waiter: FutexWaiter = { task, key, bitset, woken: false };
    const result = waitFor(task, () => (waiter.woken ? 0 : -EAGAIN), { deadline, onTimeout: -ETIMEDOUT });
    if (typeof result === 'number') return result;
    this.add(waiter);
    task.futexWaiter = waiter;
    return result.after((r) => {
      this.forget(waiter);
      return r;
    });
  }

  private add(waiter: FutexWaiter): void {
    const queue = this.waiters.get(waiter.key);
    if (queue === undefined) this.waiters.set(waiter.key, [waiter]);
    else queue.push(waiter);
  }

  /** The wait ended in some way. */
  forget(waiter: FutexWaiter): void {
    waiter.task.futexWaiter = null;
    if (!waiter.woken) this.remove(waiter);
  }

  private remove(waiter: FutexWaiter): void {
    const queue = this.waiters.get(waiter.key);
    if (queue === undefined) return;
    queue.splice(queue.indexOf(waiter), 1);
    if (queue.length === 0) this.waiters.delete(waiter.key);
  }

  /** Wake up to `count` that wait with one of these bits; returns how many. */
  wake(key: string, count: number, bitset: number = FUTEX_BITSET_ALL): number {
    let woken = 0;
    for (const waiter of [...(this.waiters.get(key) ?? [])]) {
      if (woken >= count) break;
      if ((waiter.bitset & bitset) === 0) continue;
      this.wakeOne(waiter);
      woken++;
    }
    return woken;
  }

  private wakeOne(waiter: FutexWaiter): void {
    this.remove(waiter);
    waiter.woken = true;
    waiter.task.wake();
  }

  /** Take the first waiter out and wake it: PI futexes hand the lock over. */
  next(key: string): FutexWaiter | null {
    const waiter = this.waiters.get(key)?.[0];
    if (waiter === undefined) return null;
    this.wakeOne(waiter);
    return waiter;
  }

  count(key: string): number {
    return this.waiters.get(key)?.length ?? 0;
  }

  /** Wake some and let others wait elsewhere; returns [woken, moved]. */
  requeue(from: string, to: string, wake: number, move: number): [number, number] {
    const woken = this.wake(from, wake);
    let moved = 0;
    for (const waiter of [...(this.waiters.get(from) ?? [])]) {
      if (moved >= move) break;
      this.remove(waiter);
      waiter.key = to;
      this.add(waiter);
      moved++;
    }
    return [woken, moved];
  }
}

/** What the end of a thread does with its futexes: robust ones are marked, CLONE_CHILD_CLEARTID's is cleared. */
export function leaveFutexes(task: Task): void {
  const { futexes } = task.process.kernel;
  if (task.futexWaiter !== null) futexes.forget(task.futexWaiter);
  walkRobustList(task);
  const { clearChildTid, space } = task;
  // Only others of the same memory can wait for it.
  if (clearChildTid === 0 || (task.process.tasks.length === 1 && !task.process.borrowsMemory)) return;
  if (clearChildTid % 4 !== 0 || !space.writable(clearChildTid, 4)) return;
  Atomics.store(space.words, clearChildTid / 4, 0);
  futexes.wake(futexKey(task, clearChildTid, false), 1);
}

/** exit_robust_list of the kernel (Documentation/locking/robust-futexes.rst). */
function walkRobustList(task: Task): void {
  const { head } = task.robustList;
  const { space } = task;
  const wide = task.abi.wordSize === 8;
  const word = wide ? 8 : 4;
  if (head === 0 || !space.readable(head, 3 * word)) return;
  const at = (address: number): number => (wide ? readU64(space.view, address) : space.view.getUint32(address, true));
  const offset = wide ? Number(space.view.getBigInt64(head + word, true)) : space.view.getInt32(head + word, true);
  const pending = at(head + 2 * word);
  // The lowest bit of a pointer marks a PI futex.
  let entry = at(head);
  for (let i = 0; i < MAX_ROBUST && entry - (entry % 2) !== head; i++) {
    const address = entry - (entry % 2);
    if (!space.readable(address, word)) return;
    const next = at(address);
    if (entry !== pending) ownerDied(task, address + offset);
    entry = next;
  }
  if (pending !== 0) ownerDied(task, pending - (pending % 2) + offset);
}

function ownerDied(task: Task, address: number): void {
  const { space } = task;
  if (address % 4 !== 0 || !space.writable(address, 4)) return;
  const mine = (value: number): boolean => (value & FUTEX_TID_MASK) === task.tid;
  const value = updateWord(space, address, (v) => (mine(v) ? (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED : v));
  if (mine(value) && (value & FUTEX_WAITERS) !== 0) {
    const { futexes } = task.process.kernel;
    if (futexes.wake(futexKey(task, address, false), 1) === 0) futexes.wake(futexKey(task, address, true), 1);
  }
}
