import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Machine } from './machine.ts';

const AT_FDCWD = -100;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_DIRECTORY = 0o40000; // AArch64's own value

describe('calls of one process', () => {
  let top = '';
  beforeAll(() => {
    top = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-calls-'));
  });
  afterAll(() => fs.rmSync(top, { recursive: true, force: true }));

  it('opens, writes, seeks, reads and closes by descriptor', () => {
    const m = new Machine({}, { cwd: top });
    const fd = m.call('openat', AT_FDCWD, 'file', O_RDWR | O_CREAT, 0o666);
    expect(fd).toBe(0);
    expect(m.call('write', fd, 'twelve bytes', 12)).toBe(12);
    expect(m.call('lseek', fd, 7, 0)).toBe(7);
    const buffer = m.alloc(32);
    expect(m.call('read', fd, buffer, 32)).toBe(5);
    expect(m.bytes(buffer, 5)).toBe('bytes');
    expect(m.call('pread64', fd, buffer, 6, 0)).toBe(6);
    expect(m.bytes(buffer, 6)).toBe('twelve');
    expect(m.call('close', fd)).toBe(0);
    expect(m.call('close', fd)).toBe(-9);
    expect(m.call('read', fd, buffer, 1)).toBe(-9);
    // umask 022
    expect(fs.statSync(path.join(top, 'file')).mode & 0o777).toBe(0o644);
  });

  it('answers EFAULT for bad buffers and uses the good part of a long one', () => {
    const m = new Machine({}, { cwd: top });
    const fd = m.call('openat', AT_FDCWD, '/dev/zero', 0);
    expect(m.call('read', fd, 16, 8)).toBe(-14);
    const page = m.scratch + (1 << 20) - 100;
    expect(m.call('read', fd, page, 200)).toBe(100);
    expect(m.call('openat', AT_FDCWD, 16, 0)).toBe(-14);
    expect(m.call('openat', AT_FDCWD, 0, 0)).toBe(-14);
  });

  it('gathers and scatters vectors', () => {
    const m = new Machine({}, { cwd: top });
    const fd = m.call('openat', AT_FDCWD, 'vec', O_RDWR | O_CREAT, 0o600);
    const iov = m.alloc(32);
    const put = (i: number, base: number, length: number): void => {
      m.view.setBigUint64(iov + 16 * i, BigInt(base), true);
      m.view.setBigUint64(iov + 16 * i + 8, BigInt(length), true);
    };
    put(0, m.string('abc'), 3);
    put(1, m.string('defg'), 4);
    expect(m.call('writev', fd, iov, 2)).toBe(7);
    const [a, b] = [m.alloc(2), m.alloc(8)];
    put(0, a, 2);
    put(1, b, 8);
    expect(m.call('preadv', fd, iov, 2, 0)).toBe(7);
    expect(m.bytes(a, 2) + m.bytes(b, 5)).toBe('abcdefg');
    expect(m.call('writev', fd, iov, 1025)).toBe(-22);
    expect(m.trace.join('')).toContain('writev(0, [{iov_base="abc", iov_len=3}, {iov_base="defg", iov_len=4}], 2) = 7');
  });

  it('duplicates descriptors that share a position', () => {
    const m = new Machine({}, { cwd: top });
    fs.writeFileSync(path.join(top, 'dup'), '0123456789');
    const fd = m.call('openat', AT_FDCWD, 'dup', 0);
    const other = m.call('fcntl', fd, 1030, 10);
    expect(other).toBe(10);
    expect(m.call('fcntl', other, 1)).toBe(1);
    expect(m.call('lseek', fd, 4, 0)).toBe(4);
    expect(m.call('lseek', other, 0, 1)).toBe(4);
    expect(m.call('dup3', fd, fd, 0)).toBe(-22);
    expect(m.call('dup3', fd, 20, 0)).toBe(20);
    expect(m.call('close_range', 0, 15, 0)).toBe(0);
    expect(m.call('lseek', 20, 0, 1)).toBe(4);
    expect(m.call('lseek', 10, 0, 1)).toBe(-9);
  });

  it('lists a directory and resolves relative to it', () => {
    const m = new Machine({}, { cwd: '/' });
    fs.mkdirSync(path.join(top, 'dir'));
    fs.writeFileSync(path.join(top, 'dir', 'x'), 'in dir');
    const dir = m.call('openat', AT_FDCWD, path.join(top, 'dir'), O_DIRECTORY);
    const buffer = m.alloc(1024);
    const used = m.call('getdents64', dir, buffer, 1024);
    const names: string[] = [];
    for (let at = buffer; at < buffer + used; at += m.view.getUint16(at + 16, true)) {
      names.push(m.bytes(at + 19, 16).split('\0')[0] ?? '');
    }
    expect(names.sort()).toEqual(['.', '..', 'x']);
    expect(m.call('getdents64', dir, buffer, 1024)).toBe(0);
    const fd = m.call('openat', dir, 'x', 0);
    expect(m.call('read', fd, buffer, 10)).toBe(6);
    expect(m.call('fchdir', dir)).toBe(0);
    expect(m.call('getcwd', buffer, 1024)).toBe(path.join(top, 'dir').length + 1);
    expect(m.call('faccessat', AT_FDCWD, 'x', 4)).toBe(0);
    expect(m.call('getcwd', buffer, 3)).toBe(-34);
    expect(m.call('openat', fd, 'x', 0)).toBe(-20);
  });

  it('has a pipe of 64 KiB that ends with its writers and breaks with its readers', () => {
    const m = new Machine({}, { cwd: top });
    const pair = m.alloc(8);
    expect(m.call('pipe2', pair, 0o4000)).toBe(0);
    const [reader, writer] = [m.view.getInt32(pair, true), m.view.getInt32(pair + 4, true)];
    const block = m.alloc(65536);
    expect(m.call('read', reader, block, 1)).toBe(-11);
    expect(m.call('write', writer, block, 65536)).toBe(65536);
    expect(m.call('write', writer, block, 1)).toBe(-11);
    expect(m.call('read', reader, block, 65536)).toBe(65536);
    m.call('close', writer);
    expect(m.call('read', reader, block, 1)).toBe(0);
    m.call('pipe2', pair, 0);
    m.call('close', m.view.getInt32(pair, true));
    expect(m.call('write', m.view.getInt32(pair + 4, true), block, 1)).toBe(-32);
    m.task.deliverSignals();
    expect(m.task.exited).toEqual({ signal: 13 });
  });

  it('maps files, shared with what read and write see', () => {
    const m = new Machine({}, { cwd: top });
    fs.writeFileSync(path.join(top, 'map'), 'private and shared');
    const fd = m.call('openat', AT_FDCWD, 'map', O_RDWR);
    const shared = m.call('mmap', 0, 4096, 3, 1, fd, 0);
    expect(shared).toBeGreaterThan(0);
    expect(m.space.readRange(shared, 7)).not.toBeNull();
    expect(m.bytes(shared, 7)).toBe('private');
    m.space.writeRange(shared, 7)?.set(Buffer.from('PRIVATE'));
    const buffer = m.alloc(32);
    expect(m.call('pread64', fd, buffer, 7, 0)).toBe(7);
    expect(m.bytes(buffer, 7)).toBe('PRIVATE');
    expect(m.call('munmap', shared, 4096)).toBe(0);
    expect(fs.readFileSync(path.join(top, 'map'), 'latin1')).toBe('PRIVATE and shared');
    expect(m.call('mmap', 0, 0, 3, 2, fd, 0)).toBe(-22);
    expect(m.call('mmap', 0, 4096, 3, 2, 99, 0)).toBe(-9);
    expect(m.call('mmap', 2 ** 33, 4096, 3, 0x32, -1, 0)).toBe(-12);
    // one that insists on a place that there is not gets an error in the end
    const anywhere = m.call('mmap', 2 ** 36, 2 ** 30, 0, 0x22, -1, 0);
    expect(anywhere).toBeGreaterThan(0);
    let asked = 0;
    for (let at = anywhere; at > 0 && asked < 1000; asked++) {
      m.call('munmap', at, 2 ** 30);
      at = m.call('mmap', 2 ** 36 + asked * 2 ** 20, 2 ** 30, 0, 0x22, -1, 0);
    }
    expect(asked).toBe(64);
    expect(m.call('mmap', 2 ** 36, 2 ** 20, 0, 0x22, -1, 0)).toBe(-12);
    expect(m.call('mmap', 0, 2 ** 20, 0, 0x22, -1, 0)).toBeGreaterThan(0);
  });

  it('tells how the parent is scheduled that getppid names, though it is of the host', () => {
    const m = new Machine();
    expect(m.call('sched_getscheduler', m.call('getppid'))).toBe(0);
    expect(m.call('sched_getscheduler', 4_000_000)).toBe(-3);
  });

  it('says once that a call is unsupported', () => {
    const m = new Machine();
    expect(m.call('kexec_load', 0, 0)).toBe(-38);
    expect(m.call('kexec_load', 0, 0)).toBe(-38);
    expect(m.call('rseq', 0, 0, 0, 0)).toBe(-38);
    expect(m.warnings).toEqual(['tsqemu-user: unsupported syscall kexec_load (104)']);
  });

  it('sleeps, and lets an alarm end the sleep', () => {
    const m = new Machine();
    const spec = m.alloc(16);
    m.view.setBigInt64(spec + 8, 20_000_000n, true);
    const start = performance.now();
    expect(m.call('nanosleep', spec, 0)).toBe(0);
    expect(performance.now() - start).toBeGreaterThanOrEqual(19);
    const timer = m.alloc(32);
    m.view.setBigInt64(timer + 24, 10_000n, true);
    expect(m.call('setitimer', 0, timer, 0)).toBe(0);
    m.view.setBigInt64(spec, 5n, true);
    expect(m.call('nanosleep', spec, 0)).toBe(-514);
    m.task.deliverSignals();
    expect(m.task.exited).toEqual({ signal: 14 });
  });

  it('polls pipes and times out', () => {
    const m = new Machine();
    const pair = m.alloc(8);
    m.call('pipe2', pair, 0);
    const fds = m.alloc(16);
    m.view.setInt32(fds, m.view.getInt32(pair, true), true);
    m.view.setInt16(fds + 4, 1, true);
    m.view.setInt32(fds + 8, m.view.getInt32(pair + 4, true), true);
    m.view.setInt16(fds + 12, 4, true);
    expect(m.call('ppoll', fds, 2, 0, 0, 0)).toBe(1);
    expect(m.view.getInt16(fds + 14, true)).toBe(4);
    const spec = m.alloc(16);
    m.view.setBigInt64(spec + 8, 5_000_000n, true);
    expect(m.call('ppoll', fds, 1, spec, 0, 0)).toBe(0);
    m.call('write', m.view.getInt32(pair + 4, true), 'x', 1);
    expect(m.call('ppoll', fds, 1, 0, 0, 0)).toBe(1);
    const set = m.alloc(16);
    m.view.setUint32(set, 1, true);
    expect(m.call('pselect6', 1, set, 0, 0, 0, 0)).toBe(1);
    expect(m.call('pselect6', 5, m.string('\x10\0\0\0\0\0\0\0'), 0, 0, 0, 0)).toBe(-9);
  });

  it('describes its process in /proc', () => {
    const m = new Machine({}, { cwd: top });
    const read = (name: string): string => {
      const fd = m.call('openat', AT_FDCWD, name, 0);
      expect(fd, name).toBeGreaterThanOrEqual(0);
      const buffer = m.alloc(4096);
      const n = m.call('read', fd, buffer, 4096);
      m.call('close', fd);
      return m.bytes(buffer, n);
    };
    expect(read('/proc/self/cmdline')).toBe('test\0arg\0');
    expect(read('/proc/self/environ')).toBe('A=b\0');
    expect(read('/proc/self/comm')).toBe('program\n');
    expect(read('/proc/self/stat').split(' ').length).toBe(52);
    expect(read(`/proc/${m.process.pid}/status`)).toContain(`Pid:\t${m.process.pid}\n`);
    expect(read('/proc/sys/kernel/ostype')).toBe('Linux\n');
    expect(read('/proc/../proc/./self//comm')).toBe('program\n');
    expect(read('/proc/self/maps')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{8} rw-p 00000000 00:00 0/);
    const buffer = m.alloc(256);
    const link = (name: string): string => m.bytes(buffer, m.call('readlinkat', AT_FDCWD, name, buffer, 256));
    expect(link('/proc/self/exe')).toBe('/test/program');
    expect(link('/proc/self/cwd')).toBe(top);
    fs.writeFileSync(path.join(top, 'seen'), 'x');
    const fd = m.call('openat', AT_FDCWD, 'seen', 0);
    expect(link(`/proc/self/fd/${fd}`)).toBe(path.join(top, 'seen'));
    expect(m.call('openat', AT_FDCWD, `/dev/fd/${fd}`, 0)).toBeGreaterThan(fd);
    expect(m.call('newfstatat', AT_FDCWD, '/proc/self/cwd/seen', buffer, 0)).toBe(0);
    expect(m.call('openat', AT_FDCWD, '/proc/1/../self/nothing', 0)).toBe(-2);
    expect(m.call('openat', AT_FDCWD, '/proc/self/comm', 1)).toBe(-13);
  });
});
