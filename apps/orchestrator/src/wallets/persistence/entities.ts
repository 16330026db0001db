import type { Wallet } from '@bulkhead/charter';
import type { Estate } from '@bulkhead/segregation';
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('owner')
export class OwnerRow {
  @PrimaryColumn('text') id: string;
  @Column('text') estate: Estate;
  @Column('text') name: string;
}

@Entity('wallet')
export class WalletRow {
  @PrimaryColumn('text') id: string;
  @Column('text') owner: string;
  @Column('text') estate: Estate;
  @Column('text') chain: string;
  @Column('text') kind: Wallet['kind'];
  @Column('jsonb') spec: Wallet;
}

@Entity('managed_address')
export class ManagedAddressRow {
  @PrimaryColumn('text') chain: string;
  @PrimaryColumn('text', { name: 'address_key' }) addressKey: string;
  @Column('text') address: string;
  @Column('text', { nullable: true }) wallet: string | null;
  @Column('text') owner: string;
  @Column('text') estate: Estate;
  @Column('smallint', { nullable: true }) branch: 0 | 1 | null;
  @Column('int', { nullable: true }) idx: number | null;
  @Column('timestamptz', { name: 'issued_at', nullable: true }) issuedAt: Date | null;
}
