import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { takeLock } from '#bootstrap/lock.mjs';
import { applyLine, lineText, nextLine, readTranscript, type CeremonyBody, type Transcript } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';

/** A transcript on disk: lines are only ever added, each on the disk before the next thing is done. */
export class TranscriptFile {
  private constructor(
    private readonly descriptor: number,
    private readonly release: () => void,
    private current: Transcript | undefined,
  ) {}

  /**
   * Opens a transcript, checked from its first line on, or begins one. What a kill left of a line that was being
   * written is taken away: it was never part of the transcript.
   *
   * @throws RefusalError when it was tampered with, Failure when another process is at it
   */
  static open(file: string): TranscriptFile {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const lock = takeLock(`${file}.lock`);
    if (!lock.taken) throw new Failure(`Process ${lock.holder.pid} is at this ceremony.`, 'Wait for it, or end it.');
    try {
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      const { transcript, torn } = orThrow(readTranscript(text));
      const descriptor = openSync(file, 'a', 0o644);
      const opened = new TranscriptFile(descriptor, lock.release, transcript);
      if (torn !== '') {
        ftruncateSync(descriptor, Buffer.byteLength(text) - Buffer.byteLength(torn));
        fsyncSync(descriptor);
      }
      if (transcript && !transcript.closed) opened.append({ kind: 'noted', step: null, note: 'taken up again' });
      return opened;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get transcript(): Transcript | undefined {
    return this.current;
  }

  /** @throws RefusalError when this may not follow; then nothing is written */
  append(body: CeremonyBody): Transcript {
    const now = new Date().toISOString();
    // a clock that was set back must not stop the ceremony
    const at = this.current && now < this.current.lastAt ? this.current.lastAt : now;
    const line = nextLine(this.current, at, body);
    const next = orThrow(applyLine(this.current, line));
    writeSync(this.descriptor, lineText(line));
    fsyncSync(this.descriptor);
    this.current = next;
    return next;
  }

  close(): void {
    closeSync(this.descriptor);
    this.release();
  }
}
