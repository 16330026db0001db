import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Transfers1795000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table transfer (
        id uuid primary key,
        intent_digest char(64) not null unique,
        intent jsonb not null,
        proposal jsonb not null,
        owner text not null,
        wallet text not null,
        chain text not null,
        asset text not null,
        amount numeric(78,0) not null check (amount > 0),
        payee text not null,
        purpose text not null,
        state text not null,
        version int not null default 0,
        payload jsonb,
        -- not unique: a payment that ended unsigned may be proposed again and come out as the same bytes
        payload_digest char(64),
        fee numeric(78,0) check (fee >= 0),
        -- known since SIGNED: the Bitcoin txid, or the Safe transaction hash and the transaction that executes it
        raw_transaction text,
        tx_id text,
        safe_tx_hash text unique,
        refusal jsonb,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        foreign key (wallet, owner) references wallet (id, owner)
      );
      create index transfer_wallet on transfer (wallet, owner);
      create index transfer_state on transfer (state, chain);
      create index transfer_tx on transfer (chain, tx_id);

      create table transfer_transition (
        id bigserial primary key,
        transfer uuid not null references transfer (id),
        from_state text,
        to_state text not null,
        detail jsonb not null,
        at timestamptz not null default now()
      );
      create index transfer_transition_transfer on transfer_transition (transfer);
      create trigger transfer_transition_written_once before update or delete on transfer_transition
        for each row execute function refuse_change();

      -- what a live transfer holds: an outpoint or a Safe nonce, held by one transfer at a time
      create table reservation (
        resource text primary key,
        transfer uuid not null references transfer (id)
      );
      create index reservation_transfer on reservation (transfer);
      -- a Safe executes one transfer at a time, so that a transfer that ends early leaves no gap in its nonces
      create table busy_safe (
        wallet text primary key references wallet (id),
        transfer uuid not null unique references transfer (id)
      );

      create table transfer_signature (
        transfer uuid not null references transfer (id),
        signer text not null,
        signatures jsonb not null,
        at timestamptz not null default now(),
        primary key (transfer, signer)
      );
      create trigger transfer_signature_written_once before update or delete on transfer_signature
        for each row execute function refuse_change();

      -- transactions of the house's gas payer, numbered without gaps before they are signed
      create table gas_transaction (
        payer text not null references wallet (id),
        nonce bigint not null,
        -- 'deploy:<wallet>' or 'execute:<transfer>': each subject gets one
        subject text not null unique,
        request jsonb not null,
        raw_transaction text,
        tx_hash text unique,
        created_at timestamptz not null default now(),
        primary key (payer, nonce)
      );`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table gas_transaction, transfer_signature, busy_safe, reservation, transfer_transition, transfer',
    );
  }
}
