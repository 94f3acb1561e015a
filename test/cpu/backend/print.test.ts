import { expect, test } from 'vitest';
import loadWabt from 'wabt';
import { interpreterModule } from '../../../src/cpu/backend/interpreter/module.ts';
import { Code, encodeModule } from '../../../src/cpu/backend/wasm/encoder.ts';
import { decodeModule, printModule } from '../../../src/cpu/backend/wasm/print.ts';
import { compile } from './compile.ts';

const wabt = await loadWabt();
const FEATURES = {
  threads: true,
  simd: true,
  tail_call: true,
  relaxed_simd: true,
  sat_float_to_int: true,
  annotations: true,
  code_metadata: true,
};

/** Bytes that wabt's assembler makes of a text, encoded as shortly as ours. */
function assemble(text: string): Uint8Array {
  const module = wabt.parseWat('module.wat', text, FEATURES);
  try {
    return module.toBinary({ canonicalize_lebs: true }).buffer;
  } finally {
    module.destroy();
  }
}

/** Where two texts differ first: a diff of texts of this size would take minutes. */
function firstDifference(ours: readonly string[], theirs: readonly string[]): string[] {
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  return at < 0 && ours.length === theirs.length ? [] : [`line ${at}`, String(ours[at]), String(theirs[at])];
}

function expectSameModule(bytes: Uint8Array): void {
  const text = printModule(bytes);
  const again = assemble(text);
  expect(firstDifference(text.split('\n'), printModule(again).split('\n'))).toEqual([]);
  expect(Buffer.compare(again, bytes)).toBe(0);
}

/** Instructions of the functions, without comments and closing brackets; floats are spelt differently. */
function instructions(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\(@.*?\)|\(;.*?;\)|;;.*$/g, '').trim());
  return lines
    .map((line) => line.replace(/\s+/g, ' ').replace(/\)*$/, ''))
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => line.replace(/^(f\d\d\.const) .*/, '$1').trim());
}

test('the interpreter is printed as wabt prints it', () => {
  const bytes = interpreterModule({ initial: 65536, maximum: 65536 });
  // without hints, behind which wabt's text is cut off; assembled by it, they are the same (below)
  const module = wabt.readWasm(bytes, { ...FEATURES, code_metadata: false, check: false });
  const theirs = instructions(module.toText({ foldExprs: false, inlineExport: false }));
  module.destroy();
  expect(firstDifference(instructions(printModule(bytes)), theirs)).toEqual([]);
  // It has a handler for nearly every operation, so the text covers nearly every instruction there is.
  const names = new Set(decodeModule(bytes).functions.flatMap((f) => f.code.map((i) => i.name)));
  expect(names.size).toBeGreaterThan(300);
});

test('a region with a loop, printed and assembled by wabt, is the same module', () => {
  // ldrb w2, [x0], #1; add x1, x1, x2; cbnz w2, .-8; ret
  expectSameModule(compile([0x38401402, 0x8b020021, 0x35ffffc2, 0xd65f03c0]).module);
});

test('constants keep every bit', () => {
  const code = new Code(0);
  for (const n of [0, -1, 0x7fffffff, -0x80000000]) code.i32(n);
  code.i64(-1, 0x7fffffff);
  code.i64(0, -0x80000000);
  for (const n of [0.1, -0, 1e-45, 3.4028234663852886e38, -Infinity, NaN]) code.f32(n);
  for (const n of [0.1, -0, 5e-324, 1.7976931348623157e308, Infinity, NaN]) code.f64(n);
  code.v128([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 254, 255]);
  const dropped = new Code(0);
  dropped.append(code.view());
  for (let i = 0; i < 19; i++) dropped.drop();
  const memoryPages = { initial: 1, maximum: 1 };
  const types = [{ params: [], results: [] }];
  expectSameModule(encodeModule({ types, imports: [], funcs: [{ type: 0, code: dropped }], memoryPages }));
});

test('labels and nesting are readable', () => {
  const code = new Code(1);
  code.block();
  code.get(0);
  code.if(0x7f);
  code.i32(1);
  code.else();
  code.br(1);
  code.end();
  code.brIf(0);
  code.end();
  const types = [{ params: ['i32' as const], results: [] }];
  const bytes = encodeModule({
    types,
    imports: [],
    funcs: [{ type: 0, code }],
    memoryPages: { initial: 1, maximum: 1 },
  });
  expect(printModule(bytes, (i) => `function ${i}`)).toBe(`(module
  (type (;0;) (func (param i32)))
  (import "e" "m" (memory 1 1 shared))
  ;; function 0
  (func (;0;) (type 0) (param i32)
    block (;@1;)
      local.get 0
      if (result i32) (;@2;)
        i32.const 1
      else
        br 1 (;@1;)
      end
      br_if 0 (;@1;)
    end)
)
`);
});

test('what is no module of ours is refused', () => {
  expect(() => decodeModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 1, 0))).toThrow('section 0');
  expect(() => decodeModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 9, 1))).toThrow('too early');
});

test('branch hints stand in front of the branches that they are of', () => {
  const code = new Code(1);
  code.get(0);
  code.unlikelyIf();
  code.end();
  code.get(0);
  code.likelyIf();
  code.end();
  const outer = new Code(1);
  outer.block();
  outer.get(0);
  outer.unlikelyBrIf(0);
  outer.end();
  outer.appendCode(code);
  const types = [{ params: ['i32' as const], results: [] }];
  const funcs = [
    { type: 0, code: new Code(1) },
    { type: 0, code: outer },
  ];
  const bytes = encodeModule({ types, imports: [], funcs, memoryPages: { initial: 1, maximum: 1 } });
  expect(WebAssembly.validate(bytes)).toBe(true);
  const branches = decodeModule(bytes).functions[1]?.code.filter(({ hint }) => hint !== undefined);
  expect(branches?.map(({ name, hint }) => [name, hint])).toEqual([
    ['br_if', false],
    ['if', false],
    ['if', true],
  ]);
  expectSameModule(bytes);
});
