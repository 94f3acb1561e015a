import { comparePrograms } from './compare-programs.ts';
import { ARMHF } from './sysroot.ts';

comparePrograms(ARMHF);
