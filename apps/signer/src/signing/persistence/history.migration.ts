import type { MigrationInterface, QueryRunner } from 'typeorm';

const OF_WHAT = `
        wallet text not null,
        owner text not null,
        asset text not null,
        payee text not null,
        initiator text not null,
        purpose text not null,
        amount numeric(78,0) not null check (amount > 0),
        at timestamptz not null`;

/** What this signer is deciding on, what the other signers have agreed to, and what members have said against. */
export class History1795000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table spend
        add column owner text not null default '',
        add column payee text not null default '',
        add column initiator text not null default '',
        add column purpose text not null default 'PAYMENT';

      create table tentative (
        id uuid primary key,
        payload_digest text not null,${OF_WHAT}
      );

      create table peer_cursor (
        signer text primary key,
        count int not null check (count >= 0),
        hash text not null check (hash ~ '^[0-9a-f]{64}$')
      );
      create table peer_spend (
        signer text not null,
        position int not null,
        payload_digest text not null,${OF_WHAT},
        primary key (signer, position)
      );
      create index peer_spend_asset_at on peer_spend (asset, at);
      create trigger peer_spend_written_once before update or delete or truncate on peer_spend
        for each statement execute function refuse_change();

      create table objection (
        intent_digest text not null,
        member text not null,
        decision text not null check (decision in ('REJECT', 'WITHDRAW')),
        approval json not null,
        at timestamptz not null,
        primary key (intent_digest, member, decision)
      );
      create trigger objection_written_once before update or delete or truncate on objection
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table tentative, peer_cursor, peer_spend, objection;
      alter table spend drop column owner, drop column payee, drop column initiator, drop column purpose`);
  }
}
