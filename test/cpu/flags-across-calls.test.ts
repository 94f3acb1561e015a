import { describe, expect, it } from 'vitest';
import { byteTemplates, guestsWithBytes } from '../../scripts/usual-bytes.ts';
import { CodeCache } from '../../src/cpu/code-cache.ts';
import { composerModule } from '../../src/cpu/composer-module.ts';
import { createX86 } from '../../src/cpu/frontend/x86/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { PROT_EXEC, PROT_READ } from '../../src/cpu/memory/types.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { WasmComposer } from '../../src/cpu/wasm-composer.ts';
import { MEMORY_PAGES } from '../../src/interpreter-bytes.ts';
import { MemoryFile } from './memory/fake-file.ts';

const CODE = 0x1_0000;
/** CALL, which comes back behind itself. */
const CALL = [0xe8, 0x40, 0, 0, 0];
const RET = 0xc3;

/** Instructions behind a call, and whether they ask for flags that the call may have left. */
const CASES: readonly (readonly [string, readonly number[][], boolean])[] = [
  ['jc', [[0x72, 0x10]], true],
  ['adc eax, eax', [[0x11, 0xc0]], true],
  ['pushf', [[0x9c]], true],
  ['inc; jne: all but CF are its own', [[0xfe, 0xc0], [0x75, 0x10]], false],
  ['inc; jc', [[0xfe, 0xc0], [0x72, 0x10]], true],
  ['inc; jbe', [[0xfe, 0xc0], [0x76, 0x10]], true],
  ['ror eax, 9, as longjmp begins', [[0xc1, 0xc8, 0x09]], false],
  ['ror eax, 9; je', [[0xc1, 0xc8, 0x09], [0x74, 0x10]], true],
  ['bt; jc', [[0x0f, 0xa3, 0xc1], [0x72, 0x10]], false],
  ['bt; je', [[0x0f, 0xa3, 0xc1], [0x74, 0x10]], true],
  ['bt; cmp; je', [[0x0f, 0xa3, 0xc1], [0x39, 0xc8], [0x74, 0x10]], false],
  ['cmp; jc', [[0x39, 0xc8], [0x72, 0x10]], false],
]; // biome-ignore format: an instruction in brackets
/** RFLAGS go to R11, where nobody looks. */
const SYSCALL: (typeof CASES)[number] = ['syscall', [[0x0f, 0x05]], false];

describe.for(Object.entries(guestsWithBytes))('flags across calls, %s', ([name, mode]) => {
  const cases = mode === 64 ? [...CASES, SYSCALL] : CASES;
  const templates = byteTemplates(name as keyof typeof guestsWithBytes);
  for (const [, list] of cases) {
    for (const bytes of [...list, CALL, [RET]]) {
      const padded = [...bytes, ...new Array<number>(16).fill(0x90)];
      for (const kind of [-1, 4, 8]) templates.keep({ bytes: padded, kind });
    }
  }
  const table = TemplateTable.from(templates.file());
  const module = new WebAssembly.Module(composerModule(MEMORY_PAGES, null));

  const crosses = (list: readonly number[][], composing: boolean): { crosses: boolean; composed: number } => {
    const bytes = new Uint8Array(0x1000).fill(RET);
    bytes.set([...CALL, ...list.flat()]);
    const space = createAddressSpace();
    const source = new MemoryFile(bytes);
    space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_EXEC, fixed: true, source });
    const cache = new CodeCache(space, createX86(mode));
    const found = { crosses: false, composed: 0 };
    cache.flags.onSeen = () => void (found.crosses = true);
    if (composing) {
      cache.newComposer = (memory, calls) => {
        const composer = new WasmComposer(module, memory, table, calls);
        const { make } = composer;
        const counting = (...args: Parameters<typeof make>): number => {
          const record = make(...args);
          if (record !== 0) found.composed++;
          return record;
        };
        return Object.assign(composer, { make: counting });
      };
    }
    for (const pc of [CODE, CODE + CALL.length]) cache.recordFor(pc, -1);
    return found;
  };

  it('a return behind POPF keeps them, as that of a handler that was put in between', () => {
    const terminal = (bytes: readonly number[]): object => {
      const code = new DataView(new Uint8Array([...bytes, ...new Array<number>(16).fill(0x90)]).buffer);
      return createX86(mode).liftBlock(code, 0, -1, bytes.length).terminal;
    };
    expect(terminal([0x9d, 0x5d, RET])).toMatchObject({ kind: 'jumpIndirect', isReturn: false });
    expect(terminal([0x5d, RET])).toMatchObject({ kind: 'jumpIndirect', isReturn: true });
  });

  it.for(cases)('%s', ([, list, expected]) => {
    expect(crosses(list, false)).toEqual({ crosses: expected, composed: 0 });
    expect(crosses(list, true)).toEqual({ crosses: expected, composed: 2 });
  });
});
