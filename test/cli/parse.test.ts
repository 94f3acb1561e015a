import { expect, test } from 'vitest';
import { emulatorOptions } from '../../src/cli/options.ts';
import { environmentValues, parseLine, UsageError } from '../../src/cli/parse.ts';
import { OPTIONS } from '../../src/cli/table.ts';
import { helpText, parseWithYargs } from '../../src/cli/yargs.ts';

const options = (args: string[], env: Record<string, string> = {}, host: string[] = []) => {
  const line = parseLine(args) ?? parseWithYargs(args);
  return emulatorOptions(line, environmentValues(env), host);
};

test('options end at the program; the rest is the guest’s', () => {
  const parsed = options(['-L', '/root', '-0', 'zero', '-cpu', 'max', '-strace', 'prog', '-L', '--x=1', '--']);
  expect(parsed).toMatchObject({ path: 'prog', argv: ['zero', '-L', '--x=1', '--'], sysroot: '/root', strace: true });
  expect(options(['--', '-prog', 'a']).argv).toEqual(['-prog', 'a']);
});

test('yargs reads --name=value alike', () => {
  const quick = options(['-L', '/r', '-E', 'A=1', '-E', 'B=2', '-s', '16M', '-seed', '5', 'p', '-q']);
  const slow = options(['--ld-prefix=/r', '--set-env=A=1', '--set-env=B=2', '--stack-size=16M', '--seed=5', 'p', '-q']);
  expect(slow).toEqual(quick);
  expect(quick).toMatchObject({ stackSize: 16 << 20, seed: 5, env: ['A=1', 'B=2'], argv: ['p', '-q'] });
});

test('the environment gives defaults; -E and -U take lists and add to it', () => {
  const env = { QEMU_LD_PREFIX: '/env', QEMU_SET_ENV: 'X=1,Y=2', QEMU_STRACE: '', QEMU_ARGV0: 'name' };
  const parsed = options(['-U', 'HOME,PATH', '-E', 'Y=3', 'p'], env, ['HOME=/h', 'PATH=/p', 'KEEP=k']);
  expect(parsed).toMatchObject({ sysroot: '/env', strace: true, argv: ['name'], env: ['KEEP=k', 'X=1', 'Y=3'] });
  expect(options(['-L', '/line', 'p'], env).sysroot).toBe('/line');
});

test('words become bytes', () => {
  expect(options(['ä', 'ö'], {}, ['Ü=1']).argv).toEqual(['\u00c3\u00a4', '\u00c3\u00b6']);
});

test('a sandbox sees nothing of the environment but -E', () => {
  const parsed = options(['--memfs', '/dir', '-E', 'A=1', '/p'], {}, ['SECRET=1']);
  expect(parsed.env).toContain('A=1');
  expect(parsed.env.join()).not.toContain('SECRET');
});

test.each([
  [['-L'], /option -L needs a value/],
  [[], /no program/],
  [['-verison', 'p'], /verison/],
  [['--ld-prefix', '/r', '--nonsense=1', 'p'], /nonsense/],
  [['-s', 'big', 'p'], /-s takes a size/],
  [['-s', '100G', 'p'], /-s takes a size/],
  [['-seed', 'x', 'p'], /-seed takes a number/],
  [['-E', 'NAME', 'p'], /-E takes VAR=VALUE/],
  [['-U', 'A=1', 'p'], /-U takes names/],
  [['-d', 'everything', 'p'], /unknown log item/],
  [['-dfilter', '5', 'p'], /-dfilter takes ranges/],
  [['-dfilter', '1..x', 'p'], /-dfilter takes ranges/],
  [['-cpu', 'z80', 'p'], /unknown CPU model/],
])('%j is refused in one line', (args, message) => {
  expect(() => options(args)).toThrow(UsageError);
  expect(() => options(args)).toThrow(message);
});

test('help holds the line that scripts read', async () => {
  const text = await helpText({ QEMU_LD_PREFIX: '/x' });
  expect(text).toMatch(/^QEMU_LD_PREFIX {2}= \/x$/m);
  const lines = text.split('\n');
  for (const { long, value } of OPTIONS) {
    expect(lines.find((line) => line.startsWith(`  --${long} `))).toContain(value ?? '');
  }
});
