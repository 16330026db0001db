/** One line of the story: what was tried, who decided, and how it came out against how it must come out. */
export interface StoryLine {
  readonly what: string;
  readonly who: string;
  /** `done`, or the code of a refusal. */
  readonly outcome: string;
  readonly expected: string;
  readonly ok: boolean;
}

const DONE = 'done';
const WHAT_WIDTH = 66;
const WHO_WIDTH = 32;

/** Tells the story line by line, and remembers whether every line came out as it must. */
export class Narrator {
  readonly lines: StoryLine[] = [];

  constructor(private readonly print: (line: string) => void) {}

  get allOk(): boolean {
    return this.lines.length > 0 && this.lines.every((line) => line.ok);
  }

  chapter(title: string): void {
    this.print(`\n${title}`);
  }

  say(text: string): void {
    this.print(`  ${text}`);
  }

  /** Something that must succeed. A failure is a line too, and ends the story. */
  async does<T>(what: string, who: string, act: () => Promise<T>): Promise<T> {
    try {
      const value = await act();
      this.note({ what, who, outcome: DONE, expected: DONE, ok: true });
      return value;
    } catch (error) {
      this.note({ what, who, outcome: messageOf(error), expected: DONE, ok: false });
      throw error;
    }
  }

  /** Something that must be refused with this code. */
  async isRefused(what: string, who: string, code: string, attempt: () => Promise<string>): Promise<void> {
    let outcome: string;
    try {
      outcome = await attempt();
    } catch (error) {
      outcome = messageOf(error);
    }
    this.note({ what, who, outcome, expected: code, ok: outcome === code });
  }

  private note(line: StoryLine): void {
    this.lines.push(line);
    const mark = line.ok ? '✓' : '✗';
    const wanted = line.ok ? '' : `   (must be: ${line.expected})`;
    const verdict = line.outcome === DONE ? '' : `refused: ${line.outcome}`;
    this.print(`  ${mark} ${line.what.padEnd(WHAT_WIDTH)} ${line.who.padEnd(WHO_WIDTH)} ${verdict}${wanted}`.trimEnd());
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
