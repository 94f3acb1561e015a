import { comparePrograms } from './compare-programs.ts';
import { I386 } from './sysroot.ts';

comparePrograms(I386);
