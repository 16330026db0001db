import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the block followers have read. Everything but deposits and incidents goes away with its block in a reorg. */
export class ChainFollowing1795000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table block (
        chain text not null,
        height int not null check (height >= 0),
        hash text not null,
        parent text not null,
        primary key (chain, height),
        unique (chain, hash)
      );

      create table chain_transaction (
        chain text not null,
        tx_id text not null,
        block_hash text not null,
        height int not null,
        succeeded boolean not null,
        fee numeric(78, 0) check (fee >= 0),
        primary key (chain, tx_id),
        foreign key (chain, block_hash) references block (chain, hash)
      );
      create index chain_transaction_block on chain_transaction (chain, block_hash);

      create table safe_execution (
        chain text not null,
        safe_tx_hash text not null,
        tx_id text not null,
        block_hash text not null,
        height int not null,
        succeeded boolean not null,
        primary key (chain, safe_tx_hash),
        foreign key (chain, block_hash) references block (chain, hash)
      );
      create index safe_execution_block on safe_execution (chain, block_hash);

      create table coin (
        chain text not null,
        txid text not null,
        vout int not null check (vout >= 0),
        wallet text not null,
        owner text not null,
        address text not null,
        branch smallint not null check (branch in (0, 1)),
        idx int not null,
        amount numeric(78, 0) not null check (amount > 0),
        status text not null check (status in ('AVAILABLE', 'PENDING', 'QUARANTINED')),
        -- a spend shows the whole transaction that made the coin
        raw_transaction text not null,
        block_hash text not null,
        height int not null,
        spent_by text,
        spent_block text,
        spent_height int,
        primary key (chain, txid, vout),
        check (num_nulls(spent_by, spent_block, spent_height) in (0, 3)),
        foreign key (wallet, owner) references wallet (id, owner),
        foreign key (chain, block_hash) references block (chain, hash),
        foreign key (chain, spent_block) references block (chain, hash)
      );
      create index coin_wallet on coin (wallet, owner, status) where spent_by is null;
      create index coin_block on coin (chain, block_hash);
      create index coin_spent_block on coin (chain, spent_block) where spent_block is not null;

      create table deposit (
        id uuid primary key default gen_random_uuid(),
        chain text not null,
        asset text not null,
        wallet text not null,
        owner text not null,
        address text not null,
        tx_id text not null,
        position text not null,
        amount numeric(78, 0) not null check (amount > 0),
        sources jsonb not null,
        block_hash text not null,
        height int not null,
        -- the height that completes its confirmations, and the block that did
        due_height int not null check (due_height >= height),
        credited_block text,
        status text not null check (status in ('PENDING', 'CREDITED', 'QUARANTINED', 'REVERSED')),
        created_at timestamptz not null default now(),
        check (status <> 'CREDITED' or credited_block is not null),
        foreign key (wallet, owner) references wallet (id, owner)
      );
      -- a transaction that a reorg moves to another block is another deposit; only one of them stands
      create unique index deposit_once on deposit (chain, tx_id, position) where status <> 'REVERSED';
      create index deposit_wallet on deposit (wallet, owner);
      create index deposit_owner on deposit (owner, created_at);
      create index deposit_due on deposit (chain, due_height) where status = 'PENDING';
      create index deposit_block on deposit (chain, block_hash);
      create index deposit_credited_block on deposit (chain, credited_block) where credited_block is not null;

      create table incident (
        id uuid primary key default gen_random_uuid(),
        key text not null,
        kind text not null,
        owner text not null references owner (id),
        wallet text not null,
        detail jsonb not null,
        status text not null default 'OPEN' check (status in ('OPEN', 'CLOSED')),
        at timestamptz not null default now(),
        foreign key (wallet, owner) references wallet (id, owner)
      );
      create unique index incident_open_once on incident (key) where status = 'OPEN';
      create index incident_owner on incident (owner, at);
      create index incident_wallet on incident (wallet, owner);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table incident, deposit, coin, safe_execution, chain_transaction, block');
  }
}
