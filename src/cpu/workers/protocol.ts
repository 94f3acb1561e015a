/**
 * What the main thread and the worker threads tell each other: words in shared memory for what is quick, messages
 * for what cannot be put there. A worker reads its messages before it runs anything that needs them.
 */

/** Words of the machine. */
export const Control = {
  /** Counts what happened on worker threads: the main thread sleeps on it. */
  BELL: 0,
  /** 1 = the main thread sleeps in its event loop, where only a message wakes it. */
  ASLEEP: 1,
  /** What the main thread runs: number of the processor (-1: nothing) and state block. */
  MAIN_CPU: 2,
  MAIN_STATE: 3,
} as const;

/** Words of each worker, behind those of the machine. */
export const Slot = {
  /** See Status; both sides sleep on it. */
  STATUS: 0,
  /** Counts messages sent to the worker. */
  MAIL: 1,
  /** What to run: number of the processor, state block. */
  CPU: 2,
  STATE: 3,
  /** Why the run ended (see Exit), or FAILED, and the microseconds that it took. */
  REASON: 4,
  MICROS: 5,
  /** Requests written and read so far. */
  WRITTEN: 6,
  READ: 7,
  /** Requests: (kind, a, b) each. */
  REQUESTS: 8,
} as const;

/** Requests that wait at most; more are lost, which costs time only. */
export const MAX_REQUESTS = 256;
/** Counts of requests are kept within this. */
export const COUNT_MASK = 0x3fff_ffff;
const WORDS = Slot.REQUESTS + 3 * MAX_REQUESTS;

/** Index of the first word of worker `n`. */
export const slotOf = (n: number): number => 16 + n * WORDS;

/** The main thread makes IDLE OFFERED, and DONE IDLE; the worker takes what is offered, unless it was taken back. */
export const Status = { BOOTING: 0, IDLE: 1, OFFERED: 2, RUNNING: 3, DONE: 4 } as const;

/** Reason of a run that an exception of ours ended. */
export const FAILED = -1;

/** What a worker asks of the main thread while it goes on. */
export const Request = {
  /** Record a: executed often. */
  HOT: 1,
  /** Record a: a stub; link it with its target. */
  LINK: 2,
  /** The indirect jump at a went to b. */
  TARGET: 3,
  /** A loop at a runs long. */
  LOOP: 4,
} as const;

/** A region in use. */
export interface RegionMessage {
  /** Number of its module, sent before. */
  readonly module: number;
  /** Its export's name. */
  readonly name: string;
  /** Where it may be entered. */
  readonly pcs: readonly number[];
  readonly slot: number;
}

/** What a worker must know of a guest architecture: see FrontEnd. */
export interface RemoteGuest {
  readonly name: string;
  readonly addressType: 'i32' | 'i64';
  readonly addressBits: 32 | 56 | 64;
  /** 0: there is none. */
  readonly contextAt: number;
}

export type WorkerMessage =
  | {
      /** A processor that the worker may be told to run. */
      readonly kind: 'attach';
      readonly cpu: number;
      readonly memory: WebAssembly.Memory;
      readonly interpreter: WebAssembly.Module;
      readonly guest: RemoteGuest;
    }
  | { readonly kind: 'detach'; readonly cpu: number }
  | { readonly kind: 'module'; readonly cpu: number; readonly id: number; readonly module: WebAssembly.Module }
  /** `slots`: table slots given so far, which code may name. */
  | {
      readonly kind: 'regions';
      readonly cpu: number;
      readonly slots: number;
      readonly regions: readonly RegionMessage[];
    }
  /** Regions are not in use any more that were entered at these pcs. */
  | { readonly kind: 'drop'; readonly cpu: number; readonly pcs: readonly number[] }
  /** No translation is in use any more; `exact`: see Cpu. */
  | { readonly kind: 'flush'; readonly cpu: number; readonly exact: boolean };

/** What a worker is started with. */
export interface WorkerStart {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Its number. */
  readonly n: number;
}

/** Table slots that a worker has at first, so that new regions need not wait for it. */
export const FIRST_SLOTS = 32768;
