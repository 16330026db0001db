import { Failure } from '../stack/index.js';

const MOST_BYTES = 1_024;
const [ENTER, RETURN, INTERRUPT, END, DELETE, BACKSPACE] = [0x0a, 0x0d, 0x03, 0x04, 0x7f, 0x08];

/** Whoever was asked has pressed Ctrl-C: asking again would not be what they want. */
export class Interrupted extends Failure {
  constructor() {
    super('Interrupted at a passphrase.');
  }
}

/**
 * Reads a line of bytes from the terminal, which shows none of it. The caller wipes them.
 *
 * @throws Interrupted at Ctrl-C, Failure where there is no terminal
 */
export async function askHidden(question: string): Promise<Buffer> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) throw new Failure('A passphrase is typed at a terminal, and here is none.');
  stdin.setRawMode(true); // before the question: whoever is quick is not echoed either
  stdin.resume();
  stdout.write(question);
  const line = Buffer.alloc(MOST_BYTES);
  let length = 0;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const typed = (chunk: Buffer): void => {
        for (const byte of chunk) {
          if (byte === ENTER || byte === RETURN || byte === END || byte === INTERRUPT) {
            stdin.off('data', typed);
            if (byte === INTERRUPT) reject(new Interrupted());
            else resolve(Buffer.from(line.subarray(0, length)));
            return;
          }
          if (byte === DELETE || byte === BACKSPACE) length = Math.max(0, length - 1);
          else if (length < MOST_BYTES) line[length++] = byte;
        }
        chunk.fill(0);
      };
      stdin.on('data', typed);
    });
  } finally {
    line.fill(0);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write('\n');
  }
}
