import fs from 'node:fs';
import { expect, test } from 'vitest';
import { inheritedFile } from '../../src/syscalls/vfs/host-stream.ts';
import { POLLIN, POLLOUT } from '../../src/syscalls/vfs/types.ts';

/** What poll(2) says of a host descriptor that the guest got. */
function polled(path: string, flags: string): number {
  const file = inheritedFile(fs.openSync(path, flags), path, true);
  const events = file?.poll() ?? 0;
  file?.close();
  return events;
}

test.skipIf(process.platform !== 'linux')('/dev/null is ready for everything and never hung up', () => {
  expect(polled('/dev/null', 'r')).toBe(POLLIN | POLLOUT);
  expect(polled('/dev/null', 'r+')).toBe(POLLIN | POLLOUT);
});
