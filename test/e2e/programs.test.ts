import { comparePrograms } from './compare-programs.ts';
import { ARM64 } from './sysroot.ts';

comparePrograms(ARM64);
