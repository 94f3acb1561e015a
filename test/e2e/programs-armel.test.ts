import { comparePrograms } from './compare-programs.ts';
import { ARMEL } from './sysroot.ts';

comparePrograms(ARMEL);
