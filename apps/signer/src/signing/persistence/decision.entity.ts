import type { Head } from '@bulkhead/charter';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What was asked of this signer and what it said: every request, refusals too. Written once. */
@Entity('decision')
export class DecisionRow {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column('text') kind: 'transfer' | 'gas';
  /** The wallet, or the gas payer's address, as the request names it. */
  @Column('text') subject: string;
  @Column('text', { name: 'intent_digest', nullable: true }) intentDigest: string | null;
  @Column('text', { name: 'payload_digest' }) payloadDigest: string;
  @Column('bool') accepted: boolean;
  /** Why it was refused. */
  @Column('text', { nullable: true }) code: string | null;
  @Column('json') facts: Readonly<Record<string, string>>;
  /** The charter that decided: heads of the firm's and the owner's chain. */
  @Column('json', { name: 'charter_heads' }) charterHeads: Readonly<Record<string, Head>>;
  @Column('timestamptz') at: Date;
  /** Its place in the chain; null in decisions of before there was one, as are the next two. */
  @Column('int', { nullable: true }) position: number | null;
  @Column('text', { nullable: true }) hash: string | null;
  /** The canonical JSON (RFC 8785) of the decision record, which the hash is of and which holds all of the above. */
  @Column('text', { nullable: true }) record: string | null;
}
