import { accepted, refused, type Result } from '@bulkhead/intent';
import pkcs11 from 'pkcs11js';
import { type TokenRecord, tokenRecordSchema } from './protocol.js';
import { type TokenAccess } from './token-access.js';

interface StoredRecord {
  readonly handle: Buffer;
  readonly record: TokenRecord;
}

const APPLICATION = 'bulkhead';
const LABEL = 'bulkhead-head';
const FIND_AT_ONCE = 100;

/**
 * One small record in the token that only moves forward: a private data object (CKO_DATA, PKCS#11 v2.40 section 4.5).
 * Modules need not let CKA_VALUE be changed, and SoftHSM does not, so each state is an object of its own: the new one is
 * made, then the others are destroyed. After a crash in between, the highest counts.
 *
 * The record that was found when it was first looked for is kept until the next start: it is known to have been written. One
 * made since may not be (SoftHSM 2.6.1 says CKR_OK on a full disk), and destroying the last good one for it would have the
 * token forget everything.
 *
 * Two processes on one token: each makes its object before it looks who else made one, so at least one of them sees the
 * other and takes its own back.
 */
export class TokenRecords {
  /** As it was before this process wrote its first: undefined until it was looked for. */
  private foundAtStart: TokenRecord | null | undefined;

  constructor(private readonly session: TokenAccess) {}

  /** The highest record, null in a token that has none. */
  read(): TokenRecord | null {
    const highest = this.all().at(-1)?.record ?? null;
    if (this.foundAtStart === undefined) this.foundAtStart = highest;
    return highest;
  }

  /**
   * Puts `next` in the place of `expected`, which must be what the token holds. `settleMs`: how long to wait before
   * looking for a rival, for a start that another process may write through. Doing it twice does no harm.
   */
  advance(expected: TokenRecord | null, next: TokenRecord, settleMs: number): Result<null> {
    if (expected !== null && compareRecords(next, expected) <= 0)
      return refused('request.malformed', 'The token’s record only moves forward.');
    // SoftHSM notices another process by a counter of writes that our own write could bring level again: look first, too.
    // One that is away shows no objects at all: then writing says so.
    const found = this.read();
    if (found !== null && !isSame(found, expected) && !isSame(found, next)) return moved(found);
    this.create(next);
    if (settleMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, settleMs);
    const all = this.all();
    const others = all.filter(({ record }) => !isSame(record, next));
    const own = all.filter(({ record }) => isSame(record, next));
    const highest = others.at(-1)?.record ?? null;
    // a repetition of a call that got through finds its own record, and at most older ones than it took the place of
    const isRepeated = own.length > 1 && (highest === null || isOlder(highest, expected));
    if (!isRepeated && !isSame(highest, expected)) {
      for (const { handle } of own) this.destroy(handle);
      return moved(highest);
    }
    const outdated = others.filter((other) => !isSame(other.record, this.foundAtStart ?? null));
    for (const { handle } of [...outdated, ...own.slice(1)]) this.destroy(handle);
    return accepted(null);
  }

  private create(record: TokenRecord): void {
    this.session.lib.C_CreateObject(this.session.handle, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_MODIFIABLE, value: false },
      { type: pkcs11.CKA_APPLICATION, value: APPLICATION },
      { type: pkcs11.CKA_LABEL, value: LABEL },
      { type: pkcs11.CKA_VALUE, value: Buffer.from(JSON.stringify(record), 'utf8') },
    ]);
  }

  private destroy(handle: Buffer): void {
    this.session.lib.C_DestroyObject(this.session.handle, handle);
  }

  /** From the lowest to the highest. One that cannot be read makes the token useless: it throws. */
  private all(): StoredRecord[] {
    const { lib, handle } = this.session;
    lib.C_FindObjectsInit(handle, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA },
      { type: pkcs11.CKA_APPLICATION, value: APPLICATION },
      { type: pkcs11.CKA_LABEL, value: LABEL },
    ]);
    const handles = lib.C_FindObjects(handle, FIND_AT_ONCE);
    lib.C_FindObjectsFinal(handle);
    return handles
      .map((object) => ({ handle: object, record: this.value(object) }))
      .sort((left, right) => compareRecords(left.record, right.record));
  }

  private value(object: Buffer): TokenRecord {
    const [attribute] = this.session.lib.C_GetAttributeValue(this.session.handle, object, [{ type: pkcs11.CKA_VALUE }]);
    return tokenRecordSchema.parse(JSON.parse(String(attribute?.value)));
  }
}

/** By epoch, then by generation. */
const compareRecords = (left: TokenRecord, right: TokenRecord): number =>
  left.epoch - right.epoch || left.generation - right.generation;

const isSame = (left: TokenRecord | null, right: TokenRecord | null): boolean =>
  left === null || right === null
    ? left === right
    : compareRecords(left, right) === 0 && left.holder === right.holder && left.value === right.value;

const isOlder = (record: TokenRecord, than: TokenRecord | null): boolean =>
  than !== null && compareRecords(record, than) < 0;

const moved = (record: TokenRecord | null): Result<never> =>
  refused('keys.record-moved', 'Another process has moved the token’s record.', describe(record));

const describe = (record: TokenRecord | null): Record<string, string> =>
  record === null ? { held: 'none' } : { epoch: String(record.epoch), generation: String(record.generation) };
