import { expect, it } from 'vitest';
import { Machine } from './machine.ts';

const AT_FDCWD = -100;
const IPC_CREAT = 0o1000;

function text(m: Machine, name: string): string {
  const fd = m.call('openat', AT_FDCWD, name, 0);
  expect(fd).toBeGreaterThanOrEqual(0);
  const buffer = m.alloc(1 << 16);
  const n = m.call('read', fd, buffer, 1 << 16);
  m.call('close', fd);
  return m.bytes(buffer, n);
}
/** Words of the last line. */
const last = (all: string): string[] => all.trim().split('\n').at(-1)?.trim().split(/\s+/) ?? [];

it('lists System V objects in /proc/sysvipc', () => {
  const m = new Machine();
  const segment = m.call('shmget', 77, 5000, IPC_CREAT | 0o640);
  const set = m.call('semget', 78, 3, IPC_CREAT | 0o600);
  const queue = m.call('msgget', 79, IPC_CREAT | 0o666);
  const message = m.string('\x01\0\0\0\0\0\0\0text');
  expect(m.call('msgsnd', queue, message, 4, 0)).toBe(0);
  const pid = String(m.process.pid);
  expect(last(text(m, '/proc/sysvipc/shm')).slice(0, 7)).toEqual(['77', `${segment}`, '640', '5000', pid, '0', '0']);
  expect(last(text(m, '/proc/sysvipc/sem')).slice(0, 4)).toEqual(['78', `${set}`, '600', '3']);
  expect(last(text(m, '/proc/sysvipc/msg')).slice(0, 6)).toEqual(['79', `${queue}`, '666', '4', '1', pid]);
});

it('tells in smaps how much of each mapping is used', () => {
  const m = new Machine();
  m.space.u8[m.space.map({ addr: 0x4000_0000, length: 0x4000, prot: 1 })] = 0;
  const entry = text(m, '/proc/self/smaps')
    .split(/^(?=[0-9a-f]+-)/m)
    .find((part) => part.startsWith('40000000-'));
  expect(entry).toContain('Size:                 16 kB\n');
  expect(entry).toMatch(/^Rss: +\d+ kB$/m);
  expect(entry).toContain('VmFlags: rd mr mw me \n');
  const [, total = 0] = /^Rss: +(\d+) kB$/m.exec(text(m, '/proc/self/smaps_rollup')) ?? [];
  expect(Number(total)).toBeGreaterThan(0);
  expect(text(m, '/proc/sys/fs/mqueue/msg_max')).toBe('10\n');
});

it('counts sockets in /proc/net', () => {
  const m = new Machine();
  const [AF_INET, AF_INET6, SOCK_STREAM, SOCK_DGRAM] = [2, 10, 1, 2];
  const server = m.call('socket', AF_INET, SOCK_STREAM, 0);
  expect(m.call('listen', server, 1)).toBe(0);
  m.call('socket', AF_INET, SOCK_STREAM, 0);
  const datagrams = m.call('socket', AF_INET6, SOCK_DGRAM, 0);
  const address = m.string(`\x0a${'\0'.repeat(27)}`);
  expect(m.call('bind', datagrams, address, 28)).toBe(0);
  expect(text(m, '/proc/net/sockstat')).toMatch(
    /^sockets: used 3\nTCP: inuse 1 orphan 0 tw 0 alloc 2 mem 0\nUDP: inuse 0/,
  );
  expect(text(m, '/proc/net/sockstat6')).toMatch(/^TCP6: inuse 0\nUDP6: inuse 1\n/);
  expect(text(m, '/proc/net/snmp')).toBe('Tcp: CurrEstab\nTcp: 0\n');
});
