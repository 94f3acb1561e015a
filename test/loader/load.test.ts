import { expect, test } from 'vitest';
import { createAddressSpace, type GuestAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { PAGE_SIZE } from '../../src/cpu/memory/layout.ts';
import { type ExecRequest, type LoadedProgram, loadProgram } from '../../src/loader/load.ts';
import { LoadError } from '../../src/loader/load-error.ts';
import { bytesFile, FIXTURES, hostFile, LOAD } from './files.ts';

function load(request: Partial<ExecRequest> & { path: string }): { space: GuestAddressSpace; program: LoadedProgram } {
  const space = createAddressSpace();
  const { taskSize } = space;
  return {
    space,
    program: loadProgram(space, { argv: [request.path], open: hostFile, taskSize, ...LOAD, ...request }),
  };
}

function failure(run: () => unknown): LoadError {
  try {
    run();
  } catch (error) {
    if (error instanceof LoadError) return error;
    throw error;
  }
  throw new Error('loaded');
}

const hello = `${FIXTURES}hello`;

test('a static program is mapped where it says, its BSS is zero', () => {
  const { space, program } = load({ path: hello });
  expect(program.bias).toBe(0);
  expect(space.executable(program.entry)).toBe(true);
  expect(program.symbol(program.entry)).toBeNull();
  expect(program.brk % 4096).toBe(0);
  expect(space.readRange(program.brk - 4096, 4096)?.every((b) => b === 0)).toBe(true);
  expect(space.findMapping(program.brk)).toBeNull();
  expect(program.phdr).toBe(0x400040);
});

test('a static PIE gets a bias that honours its alignment', () => {
  const { space, program } = load({ path: `${FIXTURES}hello-pie` });
  expect(program.bias).toBeGreaterThan(0x100_0000);
  expect(program.bias % 0x1_0000).toBe(0);
  expect(space.executable(program.entry)).toBe(true);
  const word = space.view.getUint32(program.entry, true);
  expect(word).toBe(0xaa1f03fd); // mov x29, xzr
  expect(program.symbol(program.entry + 0x20)).toMatch(/^start|^_start|^crash|^run/);
});

test('the stack is what the ABI says', () => {
  const { space, program } = load({ path: hello, argv: ['hello', 'zwei', ''] });
  const { view } = space;
  const word = (at: number): number => Number(view.getBigUint64(at, true));
  const text = (at: number): string => space.cstring(at) ?? '';
  expect(program.sp % 16).toBe(0);
  let at = program.sp;
  expect(word(at)).toBe(3);
  expect([1, 2, 3].map((i) => text(word(at + 8 * i)))).toEqual(['hello', 'zwei', '']);
  expect(word(at + 32)).toBe(0);
  at += 40;
  expect([text(word(at)), text(word(at + 8)), word(at + 16)]).toEqual(['HOME=/', 'LANG=C', 0]);
  at += 24;
  expect(view.getUint8(at)).toBe(program.auxv[0]);
  const aux = new Map<number, number>();
  for (; word(at) !== 0; at += 16) aux.set(word(at), word(at + 8));
  expect(program.auxv.length).toBe((aux.size + 1) * 16);
  expect(aux.get(3)).toBe(program.phdr);
  expect([4, 5, 6, 7, 8, 9, 17, 23].map((t) => aux.get(t))).toEqual([
    56,
    aux.get(5),
    4096,
    0,
    0,
    program.entry,
    100,
    0,
  ]);
  expect([11, 12, 13, 14].map((t) => aux.get(t))).toEqual([1000, 1001, 1002, 1003]);
  expect([aux.get(16), aux.get(26)]).toEqual([0xfb, 0x10]);
  expect([...(space.readRange(aux.get(25) ?? 0, 16) ?? [])]).toEqual([...LOAD.random]);
  expect(text(aux.get(31) ?? 0)).toBe(hello);
  expect(text(aux.get(15) ?? 0)).toBe('aarch64');
  expect(Buffer.from(space.u8.subarray(...program.args)).toString()).toBe('hello\0zwei\0\0');
  expect(Buffer.from(space.u8.subarray(...program.env)).toString()).toBe('HOME=/\0LANG=C\0');
  // the frames' page is not the last one of the stack
  expect(space.findMapping(program.sp + PAGE_SIZE)).toEqual(space.findMapping(program.sp));
});

test('a dynamic program starts in its interpreter', () => {
  const open = (path: string) => hostFile(path === '/lib/no-such-loader.so' ? `${FIXTURES}hello-pie` : path);
  const { space, program } = load({ path: `${FIXTURES}no-interp`, open });
  expect(program.interpreter?.path).toBe('/lib/no-such-loader.so');
  expect(program.entry).toBeGreaterThan(program.interpreter?.base ?? Infinity);
  expect(space.findMapping(program.entry)?.name).toBe(`${FIXTURES}hello-pie`);
});

test('#! lines are followed with their argument, up to five of them', () => {
  const files: Record<string, string> = {
    '/s1': `#! ${hello} -a b \nrest`,
    '/s2': '#!/s1',
    '/loop': '#!/loop',
    '/long': `#!/${'x'.repeat(300)}`,
  };
  const open = (path: string) => (path in files ? bytesFile(Buffer.from(files[path] ?? '')) : hostFile(path));
  expect(load({ path: '/s1', argv: ['s1', 'x'], open }).program.argv).toEqual([hello, '-a b', '/s1', 'x']);
  expect(load({ path: '/s2', argv: ['s2', 'x'], open }).program.argv).toEqual([hello, '-a b', '/s1', '/s2', 'x']);
  expect(failure(() => load({ path: '/loop', open })).message).toMatch(/too many levels/);
  expect(failure(() => load({ path: '/long', open })).status).toBe(126);
});

test.each([
  ['a missing file', '/no/such/file', 127, '/no/such/file: No such file or directory'],
  ['a directory', FIXTURES, 126, `${FIXTURES}: Is a directory`],
  ['text', `${FIXTURES}hello.c`, 126, `${FIXTURES}hello.c: neither an ELF program nor a script with a #! line`],
  [
    'a missing interpreter',
    `${FIXTURES}no-interp`,
    127,
    `${FIXTURES}no-interp: its interpreter /lib/no-such-loader.so was not found: give the root of its libraries with -L DIR`,
  ],
])('%s: one line and a status', (_name, path, status, message) => {
  const error = failure(() => load({ path }));
  expect([error.status, error.message]).toEqual([status, message]);
});

test('another machine is named', () => {
  const error = failure(() => load({ path: hello, machines: [40, 62] }));
  expect(error.message).toBe(`${hello}: a program for 64-bit AArch64; this emulator runs ARM, x86-64`);
});

test('too many arguments', () => {
  const error = failure(() => load({ path: hello, argv: Array(40).fill('x'.repeat(65536)) }));
  expect([error.errno, error.status]).toEqual([7, 126]);
});
