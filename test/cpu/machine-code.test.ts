import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { Code, encodeModule } from '../../src/cpu/backend/wasm/encoder.ts';
import { compileModule, machineCode, optimise } from '../../src/cpu/machine-code.ts';

const MODULE = JSON.stringify(new URL('../../src/cpu/machine-code.ts', import.meta.url).href);

/** A module whose function gives 1, or 2 for an argument that is not 0; with a hint unless not wanted. */
function module(hinted: boolean): Uint8Array<ArrayBuffer> {
  const code = new Code(1);
  code.get(0);
  if (hinted) code.unlikelyIf();
  else code.if();
  code.i32(2);
  code.return();
  code.end();
  code.i32(1);
  const types = [{ params: ['i32' as const], results: ['i32' as const] }];
  return encodeModule({
    types,
    imports: [],
    funcs: [{ type: 0, code, export: 'f' }],
    memoryPages: { initial: 1, maximum: 1 },
  });
}

test.each([true, false])('another process takes the machine code of a module (with branch hints: %s)', (hinted) => {
  const bytes = module(hinted);
  const compiled = compileModule(bytes);
  const e = { m: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }) };
  const { exports } = new WebAssembly.Instance(compiled, { e });
  optimise(exports);
  const code = machineCode(compiled, exports) as Uint8Array;
  const [bytesText, codeText] = [bytes, code].map((x) => Buffer.from(x).toString('base64'));
  const script = `
    import { moduleOf } from ${MODULE};
    const [bytes, code] = process.argv.slice(1).map((x) => Uint8Array.from(Buffer.from(x, 'base64')));
    const module = moduleOf(bytes, code);
    const e = { m: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }) };
    const { f } = new WebAssembly.Instance(module, { e }).exports;
    console.log(f(0), f(1));`;
  const args = ['--input-type=module', '-e', script, bytesText as string, codeText as string];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('1 2\n');
});

test('functions whose code V8 has dropped are compiled again, not taken from where V8 keeps them without it', () => {
  const script = `
    import v8 from 'node:v8';
    import vm from 'node:vm';
    const { runInThisContext } = vm.Script.prototype;
    let natives;
    vm.Script.prototype.runInThisContext = function () {
      natives = runInThisContext.call(this);
      return natives;
    };
    const { countOptimised } = await import(${MODULE});
    const bytes = Uint8Array.from(Buffer.from(process.argv[1], 'base64'));
    const e = { m: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }) };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e });
    const first = countOptimised(exports);
    const before = natives;
    v8.setFlagsFromString('--allow-natives-syntax');
    const flush = vm.runInThisContext('(function (func) { %ForceFlush(func); })');
    v8.setFlagsFromString('--no-allow-natives-syntax');
    for (const func of Object.values(before)) flush(func);
    natives = before;
    console.log(first, countOptimised(exports), natives !== before);
  `;
  const args = ['--input-type=module', '-e', script, Buffer.from(module(false)).toString('base64')];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('0 0 true\n');
});
