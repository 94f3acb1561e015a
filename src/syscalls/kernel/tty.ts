/** What job control knows of a terminal: whose it is (man 4 tty_ioctl). */
export class Tty {
  /** The session whose controlling terminal it is; 0: nobody's. */
  session = 0;
  /** The foreground process group; 0: nobody has said. */
  foreground = 0;
}
