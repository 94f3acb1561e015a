import vm from 'node:vm';

let collect: (() => void) | null = null;

/** Have V8 look for what nobody holds any more, now: it takes some 10 to 100 ms. */
export const collectGarbage = (): void => {
  if (collect === null) {
    const v8 = process.getBuiltinModule('node:v8');
    v8.setFlagsFromString('--expose-gc');
    // only contexts made while the flag is on have it
    collect = vm.runInNewContext('gc') as () => void;
    v8.setFlagsFromString('--no-expose-gc');
  }
  collect();
};
