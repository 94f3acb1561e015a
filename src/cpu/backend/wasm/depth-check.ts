import { State } from '../../memory/layout.ts';
import type { Code } from './encoder.ts';
import { DEPTH, STATE } from './region/contract.ts';

/** What a function's activation costs (see fuel.ts), and the number of the function that may fill up. */
interface Activation {
  readonly frame: number;
  readonly cost: number;
  readonly refuel: number;
  /** Local for the depth below the frame: what is called gets it. Tail calls, which give the frame up, pass DEPTH on. */
  readonly below: number;
}

/** Add the frame to the depth and take the cost off the limit; `leave` where there is no more to be had. */
export const emitDepthCheck = (c: Code, { frame, cost, refuel, below }: Activation, leave: () => void): void => {
  const limit = c.local('i32');
  c.get(STATE);
  c.get(STATE);
  c.mem('i32.load', State.DEPTH_LIMIT, 2);
  c.i32(cost);
  c.op('i32.sub');
  c.tee(limit);
  c.mem('i32.store', State.DEPTH_LIMIT, 2);
  c.get(DEPTH);
  c.i32(frame);
  c.op('i32.add');
  c.tee(below);
  c.get(limit);
  c.op('i32.ge_s');
  c.unlikelyIf();
  c.get(STATE);
  c.get(below);
  c.call(refuel);
  c.if();
  leave();
  c.end();
  c.end();
};
