import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemRoot } from '../../src/syscalls/vfs/mem-root.ts';
import { Machine } from './machine.ts';

const AT_FDCWD = -100;

/** A tar header block (POSIX ustar) and its data. */
function member(name: string, options: { type?: string; target?: string; data?: string; mode?: number } = {}): Buffer {
  const data = Buffer.from(options.data ?? '');
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write(`${(options.mode ?? 0o644).toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000017\0', 136);
  header.write('        ', 148);
  header.write(options.type ?? '0', 156);
  header.write(options.target ?? '', 157);
  header.write('ustar\x0000', 257);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}
const archive = (...members: Buffer[]): Buffer => Buffer.concat([...members, Buffer.alloc(1024)]);

describe('a memory root', () => {
  let top = '';
  let secret = '';
  beforeAll(() => {
    top = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-box-'));
    secret = path.join(top, 'secret');
    fs.writeFileSync(secret, 'of the host');
    fs.mkdirSync(path.join(top, 'root/bin'), { recursive: true });
    fs.writeFileSync(path.join(top, 'root/bin/tool'), 'tool', { mode: 0o755 });
    fs.linkSync(path.join(top, 'root/bin/tool'), path.join(top, 'root/bin/twin'));
    fs.symlinkSync(secret, path.join(top, 'root/leak'));
    fs.symlinkSync('../../../../../../../..', path.join(top, 'root/up'));
  });
  afterAll(() => fs.rmSync(top, { recursive: true, force: true }));

  const text = (m: Machine, name: string): string | number => {
    const fd = m.call('openat', AT_FDCWD, name, 0);
    if (fd < 0) return fd;
    const buffer = m.alloc(4096);
    const n = m.call('read', fd, buffer, 4096);
    m.call('close', fd);
    return n < 0 ? n : m.bytes(buffer, n);
  };

  it('holds a copy of a directory: modes, links, symlinks', async () => {
    const m = new Machine({ root: await createMemRoot({ from: path.join(top, 'root') }) });
    expect(text(m, '/bin/tool')).toBe('tool');
    const stat = m.alloc(128);
    expect(m.call('newfstatat', AT_FDCWD, '/bin/twin', stat, 0)).toBe(0);
    expect(m.view.getUint32(stat + 16, true)).toBe(0o100755);
    expect(m.view.getUint32(stat + 20, true)).toBe(2);
    expect(m.call('readlinkat', AT_FDCWD, '/leak', stat, 128)).toBe(secret.length);
  });

  it('lets no path reach the host', async () => {
    const m = new Machine({ root: await createMemRoot({ from: path.join(top, 'root') }) });
    const hostile = [
      secret,
      '/leak',
      `/up${secret}`,
      `/../../..${secret}`,
      `/bin/../../../..${secret}`,
      `/proc/self/root${secret}`,
      `/proc/1/cwd/../..${secret}`,
      `/proc/self/fd/../../..${secret}`,
      `/dev/fd/../../..${secret}`,
      '/etc/shadow',
      '/proc/self/exe',
      `/proc/${process.pid}/status`,
      '/proc/self/mem',
      '/dev/tty',
      '/dev/sda',
      '/sys/kernel/version',
    ];
    for (const name of hostile) expect(text(m, name), name).toBeLessThan(0);
    expect(String(text(m, '/proc/mounts'))).not.toContain('/dev/sd');
    expect(String(text(m, '/proc/self/mountinfo'))).not.toContain(top);
    expect(m.call('getpid')).toBe(1);
    expect(m.call('getuid')).toBe(0);
    expect(text(m, '/etc/hostname')).toBe('tsqemu\n');
    const uname = m.alloc(65 * 6);
    m.call('uname', uname);
    expect(m.bytes(uname + 65, 7)).toBe('tsqemu\0');
    const stat = m.alloc(128);
    const inode = (name: string): bigint => {
      expect(m.call('newfstatat', AT_FDCWD, name, stat, 0)).toBe(0);
      return m.view.getBigUint64(stat + 8, true);
    };
    expect(inode('/..')).toBe(inode('/'));
    expect(inode('/up')).toBe(inode('/'));
  });

  it('writes nothing to the host', async () => {
    const m = new Machine({ root: await createMemRoot({ from: path.join(top, 'root') }) });
    for (const name of ['/leak', '/up/escaped', `/proc/self/root${top}/escaped`]) {
      const fd = m.call('openat', AT_FDCWD, name, 0o101, 0o666);
      if (fd >= 0) m.call('write', fd, 'x', 1);
    }
    m.call('unlinkat', AT_FDCWD, '/bin/tool', 0);
    expect(fs.readFileSync(secret, 'utf8')).toBe('of the host');
    expect(fs.readdirSync(top).sort()).toEqual(['root', 'secret']);
    expect(fs.existsSync('/escaped')).toBe(false);
    expect(fs.existsSync(path.join(top, 'root/bin/tool'))).toBe(true);
    expect(text(m, '/escaped')).toBe('x');
  });

  it('keeps archive entries inside, whatever their names', async () => {
    const skipped: string[] = [];
    const tar = archive(
      member('../../escape', { data: 'a' }),
      member('/absolute', { data: 'b' }),
      member('dir/', { type: '5', mode: 0o750 }),
      member('dir/link', { type: '2', target: '/etc' }),
      member('dir/link/through', { data: 'c' }),
      member('dev/disk', { type: '4' }),
      member('dev/pipe', { type: '6' }),
      member('hard', { type: '1', target: '../../absolute' }),
      member('a/b/../../../c', { data: 'd' }),
    );
    const root = await createMemRoot({ from: zlib.gzipSync(tar), skipped: (name) => skipped.push(name) });
    const m = new Machine({ root });
    expect(text(m, '/escape')).toBe('a');
    expect(text(m, '/absolute')).toBe('b');
    expect(text(m, '/etc/through')).toBe('c');
    expect(text(m, '/hard')).toBe('b');
    expect(text(m, '/c')).toBe('d');
    expect(skipped).toEqual(['dev/disk', 'dev/pipe']);
    expect(fs.existsSync('/escape')).toBe(false);
    const stat = m.alloc(128);
    m.call('newfstatat', AT_FDCWD, '/dir', stat, 0);
    expect(m.view.getUint32(stat + 16, true)).toBe(0o040750);
    expect(m.view.getBigInt64(stat + 88, true)).toBe(15n);
  });

  it('refuses damaged archives', async () => {
    const good = archive(member('f', { data: 'data' }));
    const damaged = Buffer.from(good);
    damaged[3] = 65;
    await expect(createMemRoot({ from: damaged })).rejects.toThrow('damaged at byte 0');
    await expect(createMemRoot({ from: good.subarray(0, 514) })).rejects.toThrow('cut off');
  });

  it('keeps to its limits of bytes and inodes', async () => {
    const root = await createMemRoot({ maxBytes: 100_000, maxInodes: 20 });
    const m = new Machine({ root });
    const fd = m.call('openat', AT_FDCWD, '/big', 0o101, 0o600);
    const block = m.alloc(90_000);
    expect(m.call('write', fd, block, 90_000)).toBe(90_000);
    expect(m.call('write', fd, block, 90_000)).toBe(-28);
    expect(m.call('pwrite64', fd, block, 1, 2 ** 40)).toBe(-27);
    expect(m.call('ftruncate', fd, 0)).toBe(0);
    expect(m.call('write', fd, block, 1000)).toBe(1000);
    let made = 0;
    while (made < 100 && m.call('mkdirat', AT_FDCWD, `/d${made}`, 0o700) === 0) made++;
    expect(made).toBeLessThan(20);
    expect(m.reg(0)).toBe(-28);
  });
});
