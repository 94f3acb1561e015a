/** The command line straight from the sources, for development. */
import { main } from './cli.ts';

await main();
