import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const hostile = path.join(root, 'test/fixtures/aarch64/hostile');

let top = '';
let secret = '';
let outside = '';
let tree = '';
/** Sockets of the host that the guest must not reach. */
let tcp: net.Server;
let unix: net.Server;
let accepted = 0;
/** Ways to the secret that a guest may think of. */
let ways: string[] = [];

beforeAll(async () => {
  top = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-hostile-'));
  secret = path.join(top, 'secret');
  tree = path.join(top, 'tree');
  fs.writeFileSync(secret, 'of the host');
  fs.mkdirSync(path.join(tree, 'bin'), { recursive: true });
  fs.copyFileSync(hostile, path.join(tree, 'bin/hostile'));
  fs.chmodSync(path.join(tree, 'bin/hostile'), 0o755);
  fs.symlinkSync(secret, path.join(tree, 'leak'));
  fs.symlinkSync('../../../../../../../../..', path.join(tree, 'up'));
  fs.symlinkSync('/proc/self/root', path.join(tree, 'byproc'));
  ways = [
    secret,
    '/leak',
    `/up${secret}`,
    `/byproc${secret}`,
    `/..${secret}`,
    `../../../../../../..${secret}`,
    `/bin/../../../..${secret}`,
    `/proc/self/root${secret}`,
    `/proc/1/root/..${secret}`,
    `/proc/self/cwd/../../..${secret}`,
    `/proc/thread-self/root${secret}`,
    `/proc/self/fd/0/../../..${secret}`,
    `/proc/self/exe/../../..${secret}`,
    `/dev/fd/3`,
    '/proc/self/fd/3',
    `/proc/${process.pid}/cwd/package.json`,
    `/proc/${process.pid}/environ`,
    `//proc//self//root//..//${secret}`,
  ];
  const count = (): void => {
    accepted++;
  };
  outside = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-outside-'));
  tcp = net.createServer(count).listen(0, '127.0.0.1');
  unix = net.createServer(count).listen(path.join(outside, 'socket'));
  await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
});
afterAll(() => {
  tcp.close();
  unix.close();
  for (const dir of [top, outside]) fs.rmSync(dir, { recursive: true, force: true });
});

/** What must hold whatever the program did. */
function expectHostUntouched(): void {
  expect(fs.readFileSync(secret, 'utf8')).toBe('of the host');
  expect(fs.readdirSync(top).sort()).toEqual(['secret', 'tree']);
  expect(fs.readdirSync(tree).sort()).toEqual(['bin', 'byproc', 'leak', 'up']);
}

describe('a hostile program in --memfs', () => {
  let lines: string[] = [];
  beforeAll(async () => {
    const open = fs.openSync(secret, 'r+');
    const args = [
      cli,
      '--memfs',
      tree,
      '-E',
      'GIVEN=1',
      '/bin/hostile',
      String(process.pid),
      ...ways,
      '/proc/mounts',
      '/proc/cpuinfo',
      `tcp:127.0.0.1:${(tcp.address() as net.AddressInfo).port}`,
      'tcp:192.0.2.1:80',
      `unix:${path.join(outside, 'socket')}`,
    ];
    const env = { ...process.env, SECRET: 'of the environment' };
    // Descriptor 3 of the emulator is open on the secret.
    const result = await executeWith(args, env, open);
    fs.closeSync(open);
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
    lines = result.stdout.split('\n');
  });

  const about = (what: string): string[] => lines.filter((line) => line.startsWith(what));

  test('reads and writes nothing of the host by any path', () => {
    expect(lines.join('\n')).not.toContain('of the host');
    expectHostUntouched();
  });

  test('sees no environment but -E and the defaults', () => {
    const names = about('env ').map((line) => line.slice(4).split('=')[0]);
    expect(names.sort()).toEqual(['GIVEN', 'HOME', 'LANG', 'PATH']);
  });

  test('learns nothing of the host from the links of /proc', () => {
    expect(about('link ')).toEqual([
      'link /proc/self/root -> /',
      'link /proc/self/cwd -> /',
      'link /proc/self/exe -> /bin/hostile',
      expect.stringMatching(/^link \/proc\/self\/fd\/0 -> (pipe|socket):\[\d+\]$/),
      expect.stringMatching(/^link \/proc\/self\/fd\/1 -> (pipe|socket):\[\d+\]$/),
    ]);
  });

  test('has descriptors 0 to 2 only', () => {
    expect(about('open descriptor')).toEqual([0, 1, 2].map((fd) => `open descriptor: ${fd}`));
  });

  test('is process 1 of a machine of its own', () => {
    expect(about('number of')).toEqual(['number of this process: 1', 'number of its parent: 0']);
    expect(about('host name')).toEqual(['host name tsqemu']);
    expect(about('kill the test')).toEqual(['kill the test: -3']); // ESRCH
    expect(lines.join('\n')).not.toContain(os.hostname() === 'tsqemu' ? 'no such name' : os.hostname());
  });

  test('reaches no socket of the host', () => {
    const answers = about('connect ').map((line) => Number(line.split(': ')[1]));
    // ECONNREFUSED: its own loopback has nobody; ENETUNREACH; ENOENT
    expect(answers).toEqual([-111, -101, -2]);
    expect(accepted).toBe(0);
    // a socket of our own kernel's, which tells of the loopback alone (test/syscalls/interfaces.test.ts)
    expect(about('socket AF_NETLINK')[0]).toMatch(/^socket AF_NETLINK: \d+$/);
  });

  test('mounts and processors are the machine’s own', () => {
    const text = lines.join('\n');
    expect(text).toMatch(/^read \/proc\/mounts: \S+ \/ /m);
    expect(text).not.toMatch(/\/dev\/(sd|vd|nvme)|overlay/);
    const model = /^model name\s*: (.*)$/m.exec(
      fs.existsSync('/proc/cpuinfo') ? fs.readFileSync('/proc/cpuinfo', 'utf8') : '',
    )?.[1];
    if (model !== undefined) expect(text).not.toContain(model);
  });
});

test('the same through the library', async () => {
  const result = await run({ program: '/bin/hostile', args: [String(process.pid), ...ways], root: tree });
  expect(result.exitCode).toBe(0);
  expect(result.stdout.toString()).not.toContain('of the host');
  expectHostUntouched();
});

/** Run the emulator with one more descriptor. */
function executeWith(args: readonly string[], env: NodeJS.ProcessEnv, descriptor: number) {
  return new Promise<{ status: number | string; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe', descriptor], timeout: 30_000 });
    const text = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text.stdout += part;
    });
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      text.stderr += part;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ status: signal ?? code ?? -1, ...text }));
    child.stdin?.end();
  });
}
