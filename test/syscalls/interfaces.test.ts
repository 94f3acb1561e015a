import os from 'node:os';
import { expect, test } from 'vitest';
import { interfacesOf } from '../../src/syscalls/kernel/interfaces.ts';
import { Kernel } from '../../src/syscalls/kernel/kernel.ts';

test("a machine that may use the host's network has its interfaces", () => {
  const names = interfacesOf(new Kernel({ network: true }).network).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(os.networkInterfaces())));
});

test('one that may not has the loopback alone', () => {
  expect(interfacesOf(new Kernel({ network: false }).network).map(({ name }) => name)).toEqual(['lo']);
});
