import vm from 'node:vm';

let collect: (() => void) | null = null;
let youngIsBounded = false;

/** The name is that of V8's option; loading the module takes milliseconds. */
const setFlag = (flag: string): void => process.getBuiltinModule('node:v8').setFlagsFromString(flag);

/** Have V8 look for what nobody holds any more, now: it takes some 10 to 100 ms. */
export const collectGarbage = (): void => {
  if (collect === null) {
    setFlag('--expose-gc');
    // only contexts made while the flag is on have it
    collect = vm.runInNewContext('gc') as () => void;
    setFlag('--no-expose-gc');
  }
  collect();
};

/**
 * Have V8 leave its space for young objects as large as it is, or (`bounded` false) double it when much survives, up to
 * 128 MB, as it does by default: of processes that follow each other a little always survives.
 */
export const boundYoung = (bounded: boolean): void => {
  if (bounded === youngIsBounded) return;
  youngIsBounded = bounded;
  setFlag(`--semi-space-growth-factor=${bounded ? 1 : 2}`);
};

/** Objects of ended processes may take so many bytes, where V8 would wait for more. */
const MAX_GARBAGE = 16 << 20;
let usedAfterLast = Number.POSITIVE_INFINITY;

/** Many processes follow each other: keep V8's heap near what is in use of it. */
export const boundHeap = (): void => {
  boundYoung(true);
  const { heapUsed } = process.memoryUsage();
  if (heapUsed - usedAfterLast > MAX_GARBAGE) {
    collectGarbage();
    usedAfterLast = process.memoryUsage().heapUsed;
  } else usedAfterLast = Math.min(usedAfterLast, heapUsed);
};

/** Do something under the flags that V8 was started with: it knows kept code by them. */
export const underStartFlags = <T>(action: () => T): T => {
  if (!youngIsBounded) return action();
  boundYoung(false);
  try {
    return action();
  } finally {
    boundYoung(true);
  }
};
