import { comparePrograms } from './compare-programs.ts';
import { AMD64 } from './sysroot.ts';

comparePrograms(AMD64);
