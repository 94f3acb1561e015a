/** Something that waits, and is told to look again. */
export interface Waiter {
  /** `events`: the poll events that may have come, for whoever waits only for some. */
  wake(events?: number): void;
}

/** Told when somebody begins to wait and when nobody does any more: host streams are watched only meanwhile. */
export interface WaitWatch {
  start(): void;
  stop(): void;
}

/**
 * Those who wait for one object to change: readers of a pipe, parents of a child, epoll instances … Every
 * object that can block a call or be polled has one (or one for reading and one for writing), and wakes it
 * after each change that could let somebody go on. Whoever is woken looks at the object itself; a wake-up
 * that finds nothing does no harm, a missing one is a hang.
 */
export class WaitQueue {
  private readonly waiters: Set<Waiter> = new Set();
  private readonly watch: WaitWatch | null;

  constructor(watch: WaitWatch | null = null) {
    this.watch = watch;
  }

  /** Begin to be woken; until `remove`. */
  add(waiter: Waiter): void {
    this.waiters.add(waiter);
    if (this.waiters.size === 1) this.watch?.start();
  }

  remove(waiter: Waiter): void {
    if (this.waiters.delete(waiter) && this.waiters.size === 0) this.watch?.stop();
  }

  /** Whether somebody waits. */
  get busy(): boolean {
    return this.waiters.size > 0;
  }

  /** Somebody must be waiting for changes to be noticed: edges that come meanwhile are not told of. */
  get lazy(): boolean {
    return this.watch !== null;
  }

  wake(events = -1): void {
    for (const waiter of this.waiters) waiter.wake(events);
  }
}
