import { Column, Entity, PrimaryColumn } from 'typeorm';

export interface ReleasedSignature {
  /** Which input of a Bitcoin transaction; null for what has one signature only. */
  readonly inputIndex: number | null;
  /** Compressed point, hex. */
  readonly publicKey: string;
  /** 32 bytes, hex. */
  readonly digest: string;
  /** r || s, 64 bytes, low-S, hex. */
  readonly signature: string;
}

/** The signatures given for a payload. Asked again, the signer gives these, and makes no others. Written once. */
@Entity('signature')
export class SignatureRow {
  @PrimaryColumn('text', { name: 'payload_digest' }) payloadDigest: string;
  @Column('text') wallet: string;
  @Column('jsonb') signatures: readonly ReleasedSignature[];
  @Column('timestamptz') at: Date;
}
