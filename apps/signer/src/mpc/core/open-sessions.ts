import type { FrostSession } from '@bulkhead/keys';

/** What a carrier may leave open at once, and for how long: everything of a session is in memory. */
const MOST_SESSIONS = 8;
export const SESSION_MS = 120_000;

/** Sessions under way. What is not carried on is forgotten when its time is over, whether or not anybody calls again. */
export class OpenSessions {
  private readonly open = new Map<string, { readonly session: FrostSession; readonly timer: NodeJS.Timeout }>();

  /** Whether one more of this name may begin. */
  hasRoom(id: string): boolean {
    return !this.open.has(id) && this.open.size < MOST_SESSIONS;
  }

  begin(id: string, session: FrostSession): void {
    const timer = setTimeout(() => {
      this.end(id);
    }, SESSION_MS);
    this.open.set(id, { session, timer: timer.unref() });
  }

  find(id: string): FrostSession | undefined {
    return this.open.get(id)?.session;
  }

  /** Its secrets are forgotten. */
  end(id: string): void {
    const found = this.open.get(id);
    if (!found) return;
    clearTimeout(found.timer);
    this.open.delete(id);
    found.session.abort();
  }
}
