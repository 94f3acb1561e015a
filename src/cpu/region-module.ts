import { type Code, type FunctionBody, type FunctionPlace, layOutModule } from './backend/wasm/encoder.ts';
import { exportName } from './backend/wasm/region/contract.ts';

/** Imports of a region module, by function index. */
const IMPORTS = ['syscall', 'helper', 'miss', 'run', 'dispatch', 'native', 'clmul', 'refuel'] as const;
/** Type indices. */
const T = { i_i: 0, ii_i: 1, iii_i: 2, ll_v: 3 } as const;
const importType = {
  syscall: T.i_i,
  helper: T.iii_i,
  miss: T.i_i,
  run: T.ii_i,
  dispatch: T.ii_i,
  native: T.iii_i,
  clmul: T.ll_v,
  refuel: T.ii_i,
} as const;

/** What regions call, by index, and the type of a region. */
export const REGION_IMPORTS = {
  syscall: IMPORTS.indexOf('syscall'),
  helper: IMPORTS.indexOf('helper'),
  miss: IMPORTS.indexOf('miss'),
  run: IMPORTS.indexOf('run'),
  dispatch: IMPORTS.indexOf('dispatch'),
  native: IMPORTS.indexOf('native'),
  clmul: IMPORTS.indexOf('clmul'),
  refuel: IMPORTS.indexOf('refuel'),
  regionType: T.ii_i,
};

/** A module of regions. They know nothing of their numbers in it, so that they can be put together anew. */
export const regionModule = (
  functions: readonly (Code | FunctionBody)[],
): { bytes: Uint8Array<ArrayBuffer>; bodies: readonly FunctionPlace[] } =>
  layOutModule({
    types: [
      { params: ['i32'], results: ['i32'] },
      { params: ['i32', 'i32'], results: ['i32'] },
      { params: ['i32', 'i32', 'i32'], results: ['i32'] },
      { params: ['i64', 'i64'], results: ['v128'] },
    ],
    imports: IMPORTS.map((name) => ({ name, type: importType[name] })),
    funcs: functions.map((code, i) => ({ type: T.ii_i, code, export: exportName(i) })),
    memoryPages: { initial: 65536, maximum: 65536 },
    importTable: true,
  });
