import { Injectable } from '@nestjs/common';

/** The signer's own clock: no request says what time it is. */
@Injectable()
export class Clock {
  /** RFC 3339 in UTC with milliseconds. */
  now(): string {
    return this.at(0);
  }

  /** The instant `offsetMs` from now. */
  at(offsetMs: number): string {
    return new Date(Date.now() + offsetMs).toISOString();
  }
}
