import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ARM64, ARMHF, type GuestArch, SYSROOT } from './sysroot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-network-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const has = (guest: GuestArch, file: string): boolean => fs.existsSync(path.join(guest.sysroot, file));

function start(guest: GuestArch, options: readonly string[], file: string, args: readonly string[]): ChildProcess {
  const command = [cli, '-L', guest.sysroot, ...options, path.join(guest.sysroot, file), ...args];
  return spawn(process.execPath, command, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function execute(child: ChildProcess): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('latin1').on('data', (part: string) => {
    text.stdout += part;
  });
  child.stderr?.setEncoding('latin1').on('data', (part: string) => {
    text.stderr += part;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...text };
}

const BIG = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) ^ (i >> 8)));

describe('a server of the host', () => {
  let server: http.Server;
  let url = '';
  beforeAll(async () => {
    server = http.createServer((request, response) => {
      let bytes = 0;
      request.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      request.on('end', () => {
        if (request.url === '/big') response.end(BIG);
        else response.end(`${request.method} ${request.url} ${bytes}\n`);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    fs.writeFileSync(path.join(dir, 'upload'), BIG);
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  for (const guest of [ARM64, ARMHF]) {
    describe.skipIf(!has(guest, 'usr/bin/curl'))(`curl of ${guest.arch}`, { timeout: 60_000 }, () => {
      const curl = (...args: string[]) => execute(start(guest, [], 'usr/bin/curl', ['-sS', ...args]));

      test('gets a page by the name of localhost', async () => {
        expect(await curl(`${url.replace('127.0.0.1', 'localhost')}/page`)).toEqual({
          status: 0,
          stdout: 'GET /page 0\n',
          stderr: '',
        });
      });
      test('gets and sends three megabytes', async () => {
        const got = await curl(`${url}/big`);
        expect(Buffer.from(got.stdout, 'latin1').equals(BIG)).toBe(true);
        expect((await curl('--data-binary', '@upload', `${url}/up`)).stdout).toBe(`POST /up ${BIG.length}\n`);
      });
      test('is refused where nobody listens, and with --no-net', async () => {
        expect((await curl('http://127.0.0.1:1/')).status).toBe(7);
        const { status } = await execute(start(guest, ['--no-net'], 'usr/bin/curl', ['-sS', `${url}/page`]));
        expect(status).toBe(7);
      });
    });
  }
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = http.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe.skipIf(!has(ARM64, 'usr/bin/python3'))('a server in the guest', { timeout: 60_000 }, () => {
  test('python3 -m http.server serves the host', async () => {
    const port = await freePort();
    fs.writeFileSync(path.join(dir, 'served'), BIG);
    const args = ['-u', '-m', 'http.server', '--bind', '127.0.0.1', String(port)];
    const child = start(ARM64, [], 'usr/bin/python3', args);
    const ended = execute(child);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    const pages = await Promise.all(
      Array.from({ length: 4 }, () => fetch(`http://127.0.0.1:${port}/served`).then((page) => page.arrayBuffer())),
    );
    for (const page of pages) expect(Buffer.from(page).equals(BIG)).toBe(true);
    expect((await fetch(`http://127.0.0.1:${port}/nothing`)).status).toBe(404);
    child.kill('SIGINT');
    const { stderr } = await ended;
    expect(stderr.match(/"GET \/served HTTP\/1.1" 200/g)).toHaveLength(4);
    expect(stderr).toContain('"GET /nothing HTTP/1.1" 404');
  });

  test.skipIf(!has(ARM64, 'usr/bin/redis-server'))('redis-server and redis-benchmark, both guests', async () => {
    const port = await freePort();
    const tools = path.join(SYSROOT, 'usr/bin');
    const script = [
      `${tools}/redis-server --port ${port} --save '' --ignore-warnings ARM64-COW-BUG > redis.log &`,
      `until ${tools}/redis-cli -p ${port} ping 2>/dev/null | grep -q PONG; do sleep 0.1; done`,
      `${tools}/redis-benchmark -p ${port} -n 2000 -c 20 --csv -t set,get,lpush | cut -d, -f1`,
      `${tools}/redis-cli -p ${port} llen mylist`,
      `${tools}/redis-cli -p ${port} shutdown nosave; wait; echo status $?`,
    ];
    const { stdout, stderr } = await execute(start(ARM64, [], 'bin/bash', ['-c', script.join('\n')]));
    expect(stderr).toBe('');
    expect(stdout).toBe('"test"\n"SET"\n"GET"\n"LPUSH"\n2000\nstatus 0\n');
  });
});
