/** Record again what the translator makes of the guest code in test/cpu/filetests; look at git diff after. */
import fs from 'node:fs';
import { DIRECTORY, fileTests, record } from '../test/cpu/filetests/filetest.ts';

for (const name of fileTests()) {
  const file = new URL(name, DIRECTORY);
  fs.writeFileSync(file, record(name, fs.readFileSync(file, 'utf8')));
}
