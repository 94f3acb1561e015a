import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, from the longest on: begun last, one of them would run alone at the end. */
export const LONG: readonly string[] = [
  'test/e2e/programs-armhf.test.ts',
  'test/syscalls/fixtures.test.ts',
  'test/e2e/programs-amd64.test.ts',
  'test/e2e/programs.test.ts',
  'test/e2e/programs-i386.test.ts',
  'test/e2e/esbuild.test.ts',
  'test/cpu/templates.test.ts',
  'test/e2e/programs-armel.test.ts',
  'test/e2e/network.test.ts',
  'test/fuzz/arm.test.ts',
  'test/cli/translation-cache.test.ts',
  'test/e2e/mixed-guests.test.ts',
  'test/syscalls/stress.test.ts',
  'test/fuzz/x86.test.ts',
];

/** Where nothing is known of an earlier run, vitest begins with the largest files, whose tests are the shortest. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((x, y) => rank(x) - rank(y));
  }
}
